"""FatturaPA, without a database: from a draft to the XML that SDI takes, and back to what it says."""
