"""Speed and memory, as ratios in one run; results go to docs/benchmarks.md by hand."""
