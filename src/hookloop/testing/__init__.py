"""What `tf.test` is made of: test cases, assertions, benchmarks, stubs."""
