#!/bin/sh
# What `make setup` does: Python 3.11, Java 17 or 21, the virtual environment with every package's hash checked, the
# Delta JARs. Usage: sh conf/setup.sh requirements.lock. Root on Debian gets a missing package installed; others are
# told its name. Nothing is fetched twice.
set -eu
lock=$1

say() { printf '%s\n' "$*" >&2; }

install() { # a Debian package, and what it is for
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        say "$2 is missing: install it (Debian: sudo apt-get install $1), then try again."
        exit 1
    fi
    say "Installing $1 ($2) ..."
    apt-get update -qq >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}

java_is_right() {
    java=${JAVA_HOME:+$JAVA_HOME/bin/}java
    command -v "$java" >/dev/null 2>&1 && "$java" -version 2>&1 | grep -Eq 'version "(17|21)[."]'
}

python=
for candidate in python3.11 python3; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "Python 3.11 is missing: install it (Debian 12: sudo apt-get install python3.11 python3.11-venv), then try again."
    exit 1
fi
if ! java_is_right; then
    install openjdk-17-jre-headless "Java 17"
    java_is_right || {
        say "Java 17 or 21 is needed, but the java found is another one: put it first on PATH, or set JAVA_HOME."
        exit 1
    }
fi

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then # not there, or left half made
    "$python" -c 'import ensurepip' 2>/dev/null || install python3.11-venv "the module venv of Python 3.11"
    say "Making the virtual environment .venv ..."
    "$python" -m venv --clear .venv
fi
say "Installing the packages of $lock, hashes checked (the first time this takes a minute or two) ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
.venv/bin/python -m conf.jars
touch ".venv/${lock%.lock}.ready"
