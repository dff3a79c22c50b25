#!/bin/sh
# Makes the secrets that the compose files name, where they are not there yet: the key of the servers, and the password
# of the database (or the key of Qdrant). Only you can enter their folder. The files themselves can be read by all, as
# the programs in the containers are other users.
set -eu

folder=$(dirname "$0")/secrets
mkdir -p "$folder"
chmod 0700 "$folder"
for name in server_key store_key; do
    [ -s "$folder/$name" ] && continue
    (umask 077 && head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$folder/.$name")
    chmod 0444 "$folder/.$name"
    mv "$folder/.$name" "$folder/$name"
    echo "$folder/$name"
done
