"""What operators do and look at: files anew, waivers, runs, status, who is who."""
