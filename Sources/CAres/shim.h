#pragma once
#include <netdb.h>
#include <arpa/nameser.h>
#include <ares.h>
