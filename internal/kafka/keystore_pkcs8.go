package kafka

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"

	"mm2/internal/connection"
)

// Encrypted PKCS#8 keys, as openssl and Java write them: PBES2 of RFC 8018
// with PBKDF2 and a block cipher in CBC mode. The standard library has all
// parts but not the envelope.

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct {
	Derivation, Encryption pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// maxIterations bounds the time that a file can make us compute: tools write
// 2,048 to 1,000,000.
const maxIterations = 10_000_000

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// keyHash is the hash of a PBKDF2 pseudo-random function.
func keyHash(oid asn1.ObjectIdentifier) func() hash.Hash {
	switch oid.String() {
	case "", "1.2.840.113549.2.7":
		return sha1.New
	case "1.2.840.113549.2.9":
		return sha256.New
	case "1.2.840.113549.2.10":
		return sha512.New384
	case "1.2.840.113549.2.11":
		return sha512.New
	}
	return nil
}

// keyCipher is the block cipher of an encryption scheme and its key length.
func keyCipher(oid asn1.ObjectIdentifier) (func([]byte) (cipher.Block, error), int) {
	switch oid.String() {
	case "2.16.840.1.101.3.4.1.2":
		return aes.NewCipher, 16
	case "2.16.840.1.101.3.4.1.22":
		return aes.NewCipher, 24
	case "2.16.840.1.101.3.4.1.42":
		return aes.NewCipher, 32
	case "1.2.840.113549.3.7":
		return des.NewTripleDESCipher, 24
	}
	return nil, 0
}

var errKeyPassword = errors.New("the key password is wrong, or the key is damaged")

func decryptPKCS8(der []byte, password connection.Secret) (crypto.PrivateKey, error) {
	if password == "" {
		return nil, advise(errors.New("it is encrypted and no key password is given"), "set the key password")
	}
	plain, err := decryptPBES2(der, password.Reveal())
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		// Wrong padding is the usual sign of a wrong password, but one in a
		// few hundred wrong passwords leaves a padding that looks right.
		return nil, advise(errKeyPassword, "check the key password")
	}
	return key, nil
}

func decryptPBES2(der []byte, password string) ([]byte, error) {
	var sealed encryptedKey
	if rest, err := asn1.Unmarshal(der, &sealed); err != nil || len(rest) > 0 {
		return nil, advise(errors.New("its encrypted form is damaged"), "copy the key again")
	}
	if !sealed.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, unsupportedEncryption(sealed.Algorithm.Algorithm)
	}
	var scheme pbes2
	if _, err := asn1.Unmarshal(sealed.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return nil, advise(errors.New("its encrypted form is damaged"), "copy the key again")
	}
	if !scheme.Derivation.Algorithm.Equal(oidPBKDF2) {
		return nil, unsupportedEncryption(scheme.Derivation.Algorithm)
	}
	var params pbkdf2Params
	_, paramsErr := asn1.Unmarshal(scheme.Derivation.Parameters.FullBytes, &params)
	var iv []byte
	_, ivErr := asn1.Unmarshal(scheme.Encryption.Parameters.FullBytes, &iv)
	if paramsErr != nil || ivErr != nil || params.Iterations < 1 || params.Iterations > maxIterations {
		return nil, advise(errors.New("its encryption parameters are damaged"), "copy the key again")
	}
	prf := keyHash(params.PRF.Algorithm)
	newBlock, size := keyCipher(scheme.Encryption.Algorithm)
	switch {
	case prf == nil:
		return nil, unsupportedEncryption(params.PRF.Algorithm)
	case newBlock == nil:
		return nil, unsupportedEncryption(scheme.Encryption.Algorithm)
	}
	secret, err := pbkdf2.Key(prf, password, params.Salt, params.Iterations, size)
	if err != nil {
		return nil, fmt.Errorf("derive its key: %w", err)
	}
	block, err := newBlock(secret)
	if err != nil {
		return nil, fmt.Errorf("derive its key: %w", err)
	}
	return decryptCBC(block, iv, sealed.Data)
}

// decryptCBC undoes CBC with the padding of PKCS#7.
func decryptCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, advise(errors.New("its encrypted form is damaged"), "copy the key again")
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > size || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, advise(errKeyPassword, "check the key password")
	}
	return plain[:len(plain)-pad], nil
}

func unsupportedEncryption(oid asn1.ObjectIdentifier) error {
	return advise(fmt.Errorf("its encryption (%s) is not supported", oid),
		"convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in OLD.pem -out NEW.pem")
}
