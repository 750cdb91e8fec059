#!/bin/bash
# As the official images have it.
set -e
echo "entrypoint: preparing"
exec "$@"
