#pragma once
/* The C library's types belong to Swift's own module of it, not to whichever library includes them first. */
#pragma clang module import SwiftGlibc
#include <crypt.h>
