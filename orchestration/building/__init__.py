"""The build of the models: dbt's project, what a build may rest on, fingerprints of its marts."""
