"""The whole way on a running kernel: real logs, containers, servers; nothing is mocked."""
