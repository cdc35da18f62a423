#!/usr/bin/env bash
# Makes the fonts in assets/fonts: Inter without the private area, where it has glyphs of its own and our icons lie, and
# of Phosphor only the icons that src/ui/icons.rs names.
#
#   scripts/build_fonts.sh Inter_400Regular.ttf Inter_600SemiBold.ttf Phosphor.ttf
#
# The first two are of the npm package @expo-google-fonts/inter 0.4.2, the third is src/regular/Phosphor.ttf of
# @phosphor-icons/web 2.1.2. Needs pyftsubset of fonttools.
set -euo pipefail
cd "$(dirname "$0")/.."
inter() {
  pyftsubset "$1" --unicodes="U+0000-D7FF,U+F900-1FFFF" --layout-features=kern,mark,mkmk,ccmp --name-IDs='*' \
    --output-file="assets/fonts/$2"
}
inter "$1" Inter-Regular.ttf
inter "$2" Inter-SemiBold.ttf
icons=$(grep -o 'u{[0-9a-f]*}' src/ui/icons.rs | sed 's/u{/U+/; s/}//' | paste -sd,)
pyftsubset "$3" --unicodes="$icons" --drop-tables+=GSUB --name-IDs='*' --output-file=assets/fonts/Phosphor-subset.ttf
