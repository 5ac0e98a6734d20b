"""The tests. Importing them sets what has to be set before anything else is loaded or started."""

import os
import signal

# Terminal tests fork while gRPC channels of other tests are open in the same process. Its own handling of
# forks then breaks the child, which only means to become another program.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# Whoever runs the tests in the background of a shell script has SIGINT ignored, and so would have every
# process that a test starts in order to interrupt it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
