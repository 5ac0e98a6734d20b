"""Changes to the stored state: each function here runs inside one transaction of the writer."""
