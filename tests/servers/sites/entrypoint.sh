#!/bin/bash
# As many images have it: something to prepare, then the command; and more to do after it.
set -e
echo "entrypoint: preparing"
"$@"
echo "entrypoint: the command has ended"
