#pragma once
/* Glibc's own types stay Glibc's, whichever header names them first. */
#pragma clang module import SwiftGlibc
#include <sqlite3.h>

/* SQLITE_TRANSIENT is a cast that Swift does not import: SQLite copies what is bound. */
static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const char *octets, int count) {
    return sqlite3_bind_text(statement, index, octets, count, SQLITE_TRANSIENT);
}
static inline int csqlite_bind_blob(sqlite3_stmt *statement, int index, const void *octets, int count) {
    return sqlite3_bind_blob(statement, index, octets, count, SQLITE_TRANSIENT);
}

/* sqlite3_db_config is variadic. */
static inline int csqlite_configure(sqlite3 *database, int option, int value) {
    return sqlite3_db_config(database, option, value, (int *)0);
}

/* Seeds the random numbers of all databases of the process: for simulations alone. */
static inline void csqlite_seed(int seed) { sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, seed, (sqlite3 *)0); }

/* Extended codes are expressions that Swift does not import. */
enum {
    CSQLITE_IOERR_READ = SQLITE_IOERR_READ,
    CSQLITE_IOERR_SHORT_READ = SQLITE_IOERR_SHORT_READ,
    CSQLITE_IOERR_WRITE = SQLITE_IOERR_WRITE,
    CSQLITE_IOERR_FSYNC = SQLITE_IOERR_FSYNC,
    CSQLITE_IOERR_DIR_FSYNC = SQLITE_IOERR_DIR_FSYNC,
    CSQLITE_IOERR_TRUNCATE = SQLITE_IOERR_TRUNCATE,
    CSQLITE_IOERR_FSTAT = SQLITE_IOERR_FSTAT,
    CSQLITE_IOERR_DELETE = SQLITE_IOERR_DELETE,
    CSQLITE_IOERR_DELETE_NOENT = SQLITE_IOERR_DELETE_NOENT,
    CSQLITE_IOERR_DATA = SQLITE_IOERR_DATA,
    CSQLITE_IOERR_CORRUPTFS = SQLITE_IOERR_CORRUPTFS,
};
