"""Settings of single libraries, which `config/settings.py` puts together with what the environment says."""
