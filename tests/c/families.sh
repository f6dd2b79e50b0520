#!/bin/sh
# The table of families that setup.py writes for the extension: `families.sh "LEVELS" KERNEL_FILES`.
levels=$1
shift
families=$(sed -n 's/^HL_FAMILY(\([a-z_]*\),.*/\1/p' "$@")
echo '#include "isa.h"'
echo '#include <string.h>'
for level in $levels; do
    for family in $families; do echo "extern const hl_family hl_family_${level}_$family;"; done
    echo "static const hl_family *const ${level}_families[] = {"
    for family in $families; do echo "    &hl_family_${level}_$family,"; done
    echo "    NULL};"
done
echo 'const hl_family *const *hl_isa_families(const char *level) {'
for level in $levels; do echo "    if (!strcmp(level, \"$level\")) return ${level}_families;"; done
echo '    return NULL;'
echo '}'
