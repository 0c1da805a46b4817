package pgwire

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // PostgreSQL's md5 method is what it is
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
	"github.com/xdg-go/stringprep"
)

// A password is stored as PostgreSQL stores it in pg_authid.rolpassword:
//
//	SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>     the parts after the colons and dollars in base64
//	md5<32 hex digits of md5(password || role)>

const (
	scramPrefix     = "SCRAM-SHA-256$"
	scramIterations = 4096 // PostgreSQL 15's number, which cannot be changed there
	scramSaltBytes  = 16
	// scramIterationsMax refuses verifiers that would make each login take seconds of the client's time.
	scramIterationsMax = 10_000_000
)

// SCRAMVerifier returns the verifier of a password with a random salt, in PostgreSQL's format.
func SCRAMVerifier(password string) (string, error) {
	salt := make([]byte, scramSaltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	return scramVerifier(password, salt, scramIterations)
}

func scramVerifier(password string, salt []byte, iterations int) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, prepare(password), salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	stored := sha256.Sum256(hmacSHA256(salted, "Client Key"))
	server := hmacSHA256(salted, "Server Key")
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("%s%d:%s$%s:%s", scramPrefix, iterations, b64(salt), b64(stored[:]), b64(server)), nil
}

// prepare normalises a password by SASLprep; one that SASLprep refuses is used as it is, as PostgreSQL does.
func prepare(password string) string {
	if p, err := stringprep.SASLprep.Prepare(password); err == nil && p != "" {
		return p
	}
	return password
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// MD5Password returns the md5 form of a role's password, "md5" and 32 hex digits.
func MD5Password(password, role string) string { return "md5" + md5Hex(password, role) }

func md5Hex(parts ...string) string {
	sum := md5.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// IsPasswordVerifier reports whether a string is a stored form rather than a password in the clear: ALTER ROLE ... PASSWORD keeps such a
// one as it is.
func IsPasswordVerifier(s string) bool {
	if len(s) == 35 && strings.HasPrefix(s, "md5") && strings.Trim(s[3:], "0123456789abcdef") == "" {
		return true
	}
	_, err := parseVerifier(s)
	return err == nil
}

var errNoVerifier = errors.New("not a SCRAM-SHA-256 verifier")

func parseVerifier(s string) (scram.StoredCredentials, error) {
	var c scram.StoredCredentials
	rest, ok := strings.CutPrefix(s, scramPrefix)
	if !ok {
		return c, errNoVerifier
	}
	kdf, keys, ok1 := strings.Cut(rest, "$")
	iterations, salt64, ok2 := strings.Cut(kdf, ":")
	stored64, server64, ok3 := strings.Cut(keys, ":")
	n, err := strconv.Atoi(iterations)
	if !ok1 || !ok2 || !ok3 || err != nil || n < 1 || n > scramIterationsMax {
		return c, errNoVerifier
	}
	salt, err1 := base64.StdEncoding.DecodeString(salt64)
	stored, err2 := base64.StdEncoding.DecodeString(stored64)
	server, err3 := base64.StdEncoding.DecodeString(server64)
	if err := errors.Join(err1, err2, err3); err != nil || len(stored) != sha256.Size || len(server) != sha256.Size {
		return c, errNoVerifier
	}
	c.KeyFactors = scram.KeyFactors{Salt: string(salt), Iters: n}
	c.StoredKey, c.ServerKey = stored, server
	return c, nil
}

// mockCredentials are what a role without a usable verifier is asked with, so that a client cannot tell which roles exist:
// always the same for a role, from a secret of this process.
func mockCredentials(secret []byte, role string) scram.StoredCredentials {
	salt := hmacSHA256(secret, "salt:"+role)[:scramSaltBytes]
	return scram.StoredCredentials{
		KeyFactors: scram.KeyFactors{Salt: string(salt), Iters: scramIterations},
		StoredKey:  hmacSHA256(secret, "stored:"+role),
		ServerKey:  hmacSHA256(secret, "server:"+role),
	}
}

// checkPassword compares a password in the clear with the stored form.
func checkPassword(stored, role, password string) bool {
	if strings.HasPrefix(stored, "md5") {
		return hmac.Equal([]byte(stored), []byte(MD5Password(password, role)))
	}
	v, err := parseVerifier(stored)
	if err != nil {
		return false
	}
	again, err := scramVerifier(password, []byte(v.Salt), v.Iters)
	return err == nil && hmac.Equal([]byte(again), []byte(stored))
}
