#!/bin/sh
# Makes the certificates of the tests of TLS. They are committed, valid until 2120, so this is run only to add one.
# The keys protect nothing.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/ca.cnf" <<'CNF'
[ca]
default_ca = tests
[tests]
database = $ENV::WORK/index.txt
new_certs_dir = $ENV::WORK
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
CNF
: > "$work/index.txt"
export WORK="$work"

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key.pem"; }

# name, subject, start, end, extensions
sign() {
  key "$1"
  openssl req -new -key "$1.key.pem" -subj "/CN=$2" -out "$work/$1.csr"
  printf '%s\n' "$5" > "$work/$1.ext"
  openssl ca -batch -notext -config "$work/ca.cnf" -cert ca.cert.pem -keyfile ca.key.pem -startdate "$3" \
    -enddate "$4" -extfile "$work/$1.ext" -in "$work/$1.csr" -out "$1.cert.pem"
}

# name, subject, extensions
selfSigned() {
  key "$1"
  openssl req -new -key "$1.key.pem" -subj "/CN=$2" -out "$work/$1.csr"
  printf '%s\n' "$3" > "$work/$1.ext"
  openssl ca -batch -notext -config "$work/ca.cnf" -selfsign -keyfile "$1.key.pem" -startdate 20200101000000Z \
    -enddate 21200101000000Z -extfile "$work/$1.ext" -in "$work/$1.csr" -out "$1.cert.pem"
}

local='subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1'
selfSigned ca 'Tests of effect-iocp' 'basicConstraints = critical, CA:TRUE'
selfSigned self-signed localhost "$local"
sign server localhost 20200101000000Z 21200101000000Z "$local"
sign other other.test 20200101000000Z 21200101000000Z 'subjectAltName = DNS:other.test, DNS:*.other.test'
sign client 'a client' 20200101000000Z 21200101000000Z 'extendedKeyUsage = clientAuth'
sign expired localhost 20200101000000Z 20200201000000Z "$local"
sign future localhost 21190101000000Z 21200101000000Z "$local"
