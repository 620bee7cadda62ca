/* Apache ECharts, Copyright The Apache Software Foundation, Apache License 2.0; with zrender (BSD 3-Clause) and tslib (0BSD) */
