/* hookloop's public C header: the numbers that native code shares with the engine. */
#ifndef HOOKLOOP_H
#define HOOKLOOP_H

#include <stdint.h>

#define HOOKLOOP_ABI_VERSION 1

#endif
