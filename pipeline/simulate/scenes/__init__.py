"""What satellites see of a simulated district: optical and radar scenes, elevation models, lights at night."""
