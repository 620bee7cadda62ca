"""What operators do and look at: files again, waivers, runs, status, who is who."""
