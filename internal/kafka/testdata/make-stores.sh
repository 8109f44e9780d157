#!/bin/sh
# Makes the key stores and trust stores in testdata/stores with the tools that
# users have: keytool (Java 17 or later) and openssl (3.0 or later).
#
#   authority -> intermediate -> client   (CN=mm2)
#   authority -> server                   (127.0.0.1)
#
# All are valid from 2020 to 2119. Store password: store-pw. Key password,
# where it differs: key-pw. The keys protect nothing outside of these tests.
set -eu
cd "$(dirname "$0")"
rm -rf stores
mkdir stores
cd stores
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

from="2020/01/01 00:00:00"
days=36500
pki=$work/pki.p12

kt() { keytool -storepass store-pw "$@" 2>>"$work/log" || { cat "$work/log" >&2; exit 1; }; }
key() { # alias, subject, extensions of a self-signed certificate
	alias=$1 subject=$2
	shift 2
	kt -genkeypair -keystore "$pki" -alias "$alias" -dname "$subject" -keyalg RSA -keysize 2048 \
		-startdate "$from" -validity $days "$@"
}
issue() { # issuer, alias, extensions
	issuer=$1 alias=$2
	shift 2
	kt -certreq -keystore "$pki" -alias "$alias" |
		kt -gencert -keystore "$pki" -alias "$issuer" -startdate "$from" -validity $days -rfc "$@" >"$work/$alias.pem"
}

key authority "CN=mm2 test authority" -ext bc:c -ext ku=keyCertSign
key intermediate "CN=mm2 test intermediate" -ext bc:c
key client "CN=mm2"
key other "CN=somebody else"
key server "CN=broker"
kt -exportcert -rfc -keystore "$pki" -alias authority -file "$work/authority.pem"
issue authority intermediate -ext bc:c -ext ku=keyCertSign
issue intermediate client -ext eku=clientAuth
issue authority server -ext san=ip:127.0.0.1 -ext eku=serverAuth

pkcs8() { # alias, file
	openssl pkcs12 -in "$pki" -passin pass:store-pw -nocerts -noenc -passout pass: >"$work/all.pem" 2>/dev/null
	awk -v name="friendlyName: $1" 'index($0, name) {hit=1} hit && /BEGIN/ {on=1} on {print} on && /END/ {exit}' "$work/all.pem" >"$2"
}

# PEM
cp "$work/authority.pem" authority.pem
cp "$work/server.pem" server.pem
pkcs8 server server-key.pem
cat "$work/client.pem" "$work/intermediate.pem" >client.pem
pkcs8 client client-key.pem
pkcs8 other other-key.pem
encrypt() { openssl pkcs8 -topk8 -in client-key.pem -passout pass:key-pw "$@"; }
encrypt -v2 aes-256-cbc -out client-key-aes256.pem
encrypt -v2 aes-192-cbc -v2prf hmacWithSHA512 -out client-key-aes192-sha512.pem
encrypt -v2 aes-128-cbc -v2prf hmacWithSHA1 -out client-key-aes128-sha1.pem
encrypt -v2 aes-256-cbc -v2prf hmacWithSHA384 -out client-key-aes256-sha384.pem
encrypt -v2 des3 -out client-key-des3.pem
encrypt -scrypt -out client-key-scrypt.pem
encrypt -v1 PBE-SHA1-3DES -out client-key-pbes1.pem
openssl rsa -in client-key.pem -traditional -out client-key-traditional.pem 2>/dev/null
openssl rsa -in client-key.pem -traditional -aes256 -passout pass:key-pw -out client-key-proc-type.pem 2>/dev/null
cat client-key-aes256.pem client.pem >client-all.pem
openssl x509 -in authority.pem -outform DER -out authority.der

# Trust stores
for type in jks pkcs12 jceks; do
	kt -importcert -noprompt -keystore trust.$type -storetype $type -alias authority -file authority.pem
done
openssl pkcs12 -export -nokeys -in authority.pem -passout pass:store-pw -out trust-openssl.pkcs12
kt -importcert -noprompt -keystore empty.jks -storetype jks -alias authority -file authority.pem
kt -delete -keystore empty.jks -alias authority

# Key stores
openssl pkcs12 -export -name client -inkey client-key.pem -in client.pem -passout pass:store-pw -out client-openssl.pkcs12
openssl pkcs12 -export -legacy -name client -inkey client-key.pem -in client.pem -passout pass:store-pw -out client-legacy.pkcs12
import() { kt -importkeystore -noprompt -srckeystore client-openssl.pkcs12 -srcstorepass store-pw -srcalias client -deststorepass store-pw "$@"; }
import -destkeystore client.pkcs12 -deststoretype pkcs12
import -destkeystore client.jks -deststoretype jks
import -destkeystore client-two-passwords.jks -deststoretype jks -destkeypass key-pw

# Key and trusted authority in one
for type in jks pkcs12; do
	cp client.$type both.$type
	kt -importcert -noprompt -keystore both.$type -alias authority -file authority.pem
	cp client.$type two-keys.$type
	kt -importkeystore -noprompt -srckeystore "$pki" -srcstorepass store-pw -srcalias other -destkeystore two-keys.$type -deststorepass store-pw
done
chmod 644 *
