"""An open-pit district to practise on, simulated as raw scenes in an archive."""
