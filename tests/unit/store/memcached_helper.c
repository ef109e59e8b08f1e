/* A real memcached and a pool over it, as the tests of memcached/ have them. */
#include "memcached/mc_helpers.c"
