#!/bin/bash
exec > >(exec python3 $directory/slow_tee.py) 2>&1
exec python3 $directory/logged_worker.py
