#pragma once
/* Glibc's own types stay Glibc's, whichever header names them first. */
#pragma clang module import SwiftGlibc
#include <microhttpd.h>
#include <sys/socket.h>

/* Starts a daemon with a list of options that ends with MHD_OPTION_END; the list is read before it returns. */
static inline struct MHD_Daemon *weir_mhd_start(
    unsigned flags, MHD_AccessHandlerCallback handler, void *context, struct MHD_OptionItem *options) {
    return MHD_start_daemon(flags, 0, NULL, NULL, handler, context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* The connection's descriptor, -1 if it has none: MHD_get_connection_info is variadic. */
static inline int weir_mhd_descriptor(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? (int)info->connect_fd : -1;
}

/* What SO_PEERCRED fills in; Glibc shows struct ucred only under _GNU_SOURCE. */
struct weir_peer {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};

/* 0 and the credentials of a Unix socket's peer, or -1. */
static inline int weir_peer_of(int descriptor, struct weir_peer *peer) {
    socklen_t length = sizeof *peer;
    return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, peer, &length);
}
