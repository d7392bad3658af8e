#pragma once
/* The C library's types belong to Swift's own module of it, not to whichever library includes them first. */
#pragma clang module import SwiftGlibc
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <time.h>

/* What follows are function-like macros, which Swift does not see. */

static const uint64_t copenssl_op_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t copenssl_op_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t copenssl_op_ignore_unexpected_eof = SSL_OP_IGNORE_UNEXPECTED_EOF;
static const long copenssl_modes =
    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS;

static inline void copenssl_set_modes(SSL_CTX *context) { SSL_CTX_set_mode(context, copenssl_modes); }
static inline void copenssl_set_read_ahead(SSL_CTX *context) { SSL_CTX_set_read_ahead(context, 1); }
static inline void copenssl_set_session_cache_off(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
static inline int copenssl_set_min_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}
static inline int copenssl_set_groups(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}
static inline int copenssl_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

/* Has the context look for its peers' certificates in the revocation lists among its authorities, if any is there. */
static inline void copenssl_heed_revocations(SSL_CTX *context) {
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    for (int index = 0; index < sk_X509_OBJECT_num(objects); index++) {
        if (X509_OBJECT_get_type(sk_X509_OBJECT_value(objects, index)) != X509_LU_CRL) continue;
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
        return;
    }
}

/* When a certificate ends, in seconds since 1970; 0 without one. */
static inline int64_t copenssl_end(const X509 *certificate) {
    struct tm time;
    if (!certificate || !ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time)) return 0;
    return (int64_t)timegm(&time);
}

/* A new P-256 key, or NULL. */
static inline EVP_PKEY *copenssl_new_key(void) { return EVP_EC_gen("P-256"); }

/* The octets of a memory BIO. */
static inline long copenssl_memory(BIO *bio, char **data) { return BIO_get_mem_data(bio, data); }

/* Adds a subjectAltName of one DNS name (any octets) or, with `address`, of 4 or 16 octets of an IP address. */
static inline int copenssl_push_name(GENERAL_NAMES *names, const void *octets, int count, int address) {
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = ASN1_STRING_type_new(address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    if (!name || !value || !ASN1_STRING_set(value, octets, count)) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return 0;
    }
    GENERAL_NAME_set0_value(name, address ? GEN_IPADD : GEN_DNS, value);
    return sk_GENERAL_NAME_push(names, name) > 0;
}
