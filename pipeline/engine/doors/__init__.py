"""Earth Engine's REST interface: one service behind two doors, in this process and over HTTP."""
