"""What dbt's Python models estimate with: functions of frames, without a warehouse."""
