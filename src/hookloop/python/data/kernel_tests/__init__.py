"""`python.data.kernel_tests`: what suites of datasets are built on."""
