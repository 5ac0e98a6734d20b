"""The tests. Importing them sets what has to be set before anything else is loaded."""

import os

# Terminal tests fork while gRPC channels of other tests are open in the same process. Its own handling of
# forks then breaks the child, which only means to become another program.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
