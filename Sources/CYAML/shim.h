#pragma once
/* Glibc's own types stay Glibc's, whichever header names them first. */
#pragma clang module import SwiftGlibc
#include <yaml.h>
