#!/usr/bin/env bash
# The same as test/property/deliveries.sh with more than 100,000 deliveries.
PERSONS=${PERSONS:-50000} CHANGES=${CHANGES:-8} exec bash "${CDP_TOP:?}/test/property/deliveries.sh"
