-- How the read-only connections are set up.
PRAGMA query_only = ON;
PRAGMA trusted_schema = OFF;
