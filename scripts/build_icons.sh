#!/usr/bin/env bash
# Makes assets/fonts/Phosphor-subset.ttf: the icons that src/ui/icons.rs names, and nothing else, so that the icon font
# can come before the text fonts (which use the same private code points for glyphs of their own).
#
#   scripts/build_icons.sh Phosphor.ttf
#
# Phosphor.ttf is src/regular/Phosphor.ttf of the npm package @phosphor-icons/web 2.1.2. Needs pyftsubset of fonttools.
set -euo pipefail
cd "$(dirname "$0")/.."
icons=$(grep -o 'u{[0-9a-f]*}' src/ui/icons.rs | sed 's/u{/U+/; s/}//' | paste -sd,)
pyftsubset "$1" --unicodes="$icons" --output-file=assets/fonts/Phosphor-subset.ttf --drop-tables+=GSUB --name-IDs='*'
