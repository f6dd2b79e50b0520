"""`python.util.protobuf`: modules with something of their own."""
