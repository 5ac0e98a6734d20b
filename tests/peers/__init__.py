"""Stand-ins for the Azure services, faithful to their protocols, driven by the vendor's own SDKs."""
