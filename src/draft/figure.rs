//! Drawn bodies: people under a face or a dressed bust of the library, animals under a head.

use super::color::Rgb;
use super::library;
use super::person::{Age, Outfit, Person, Sex};
use super::raster;
use super::svg::{Canvas, body, recolor};
use std::fmt::Write;

/// Skin of the library's five tones: surface, shade, nose.
const SKIN: [[u32; 3]; 5] = [
    [0xffd7c2, 0xf4c6ad, 0xe5af93],
    [0xeebfaa, 0xe4b29a, 0xd19479],
    [0xc68d7b, 0xbb806e, 0xab6a55],
    [0x966661, 0x8b5c56, 0x75443e],
    [0x573739, 0x4e3233, 0x3d2123],
];
const SHOES: Rgb = Rgb::hex(0x3a2f35);

/// A person, head to foot, as SVG text.
pub(super) fn person(who: &Person) -> String {
    if let Some(svg) = who.picture.as_deref().and_then(library::open) {
        let dressed = dye(&svg, who);
        return if who.picture.as_deref().is_some_and(is_bust) { on_a_body(&dressed) } else { dressed };
    }
    let sex = if who.sex == Sex::Female { "woman" } else { "man" };
    if let Some(svg) = who.bust.as_ref().and_then(|role| library::open(&format!("{sex}-{role}"))) {
        return on_a_body(&dye(&svg, who));
    }
    dressed(who)
}

/// A person doing something, from a picture that shows it: in their own skin, hair and coat.
pub(super) fn acting(who: &Person, svg: &str) -> String {
    let shirts = [(0x8b62bf, 0.12), (0xa17fd5, 0.0), (0x0092e7, 0.12), (0x00a6ed, 0.0), (0x007acf, 0.12)];
    recolor(&dye(svg, who), |c| {
        shirts.iter().find(|(hex, _)| Rgb::hex(*hex) == c).map_or(c, |(_, shade)| who.coat.darker(*shade))
    })
}

/// Pictures of `people.txt` that end at the chest.
fn is_bust(id: &str) -> bool {
    matches!(id, "person-with-crown" | "prince" | "princess" | "woman-with-veil" | "ninja" | "man-zombie")
}

/// Gives a library person this one's skin and hair.
fn dye(svg: &str, who: &Person) -> String {
    let old = who.age == Age::Old;
    recolor(svg, |c| {
        if let Some(part) = SKIN[0].iter().position(|hex| Rgb::hex(*hex) == c) {
            return Rgb::hex(SKIN[who.skin][part]);
        }
        match c {
            Rgb(0x21, 0x21, 0x21) => who.hair,
            Rgb(0x43, 0x3d, 0x3d) => who.hair.lighter(0.12),
            Rgb(0x9b, 0x9b, 0x9b) if old => who.hair,
            Rgb(0x63, 0x63, 0x63) if old => who.hair.darker(0.25),
            other => other,
        }
    })
}

fn face_of(who: &Person) -> &'static str {
    match (who.age, who.sex) {
        (Age::Child, Sex::Female) => "girl",
        (Age::Child, Sex::Male) => "boy",
        (Age::Old, Sex::Female) => "old-woman",
        (Age::Old, Sex::Male) if who.beard => "man-beard",
        (Age::Old, Sex::Male) => "old-man",
        (_, Sex::Female) if who.bald => "woman-bald",
        (_, Sex::Female) if who.curly => "woman-curly-hair",
        (_, Sex::Female) => "woman",
        (_, Sex::Male) if who.bald => "man-bald",
        (_, Sex::Male) if who.beard => "man-beard",
        (_, Sex::Male) if who.curly => "man-curly-hair",
        (_, Sex::Male) => "man",
    }
}

/// What a drawn body is cut from.
struct Cut {
    coat: Rgb,
    skin: Rgb,
    outfit: Outfit,
    /// Where the coat ends.
    hem: f32,
}

/// A face on a drawn body, in this person's coat.
fn dressed(who: &Person) -> String {
    let child = who.age == Age::Child;
    let (scale, hem) = if child { (0.64, 39.5) } else { (0.6, 44.0) };
    let mut c = Canvas::new(32.0, 48.0);
    torso(&mut c, &Cut { coat: who.coat, skin: Rgb::hex(SKIN[who.skin][0]), outfit: who.outfit, hem });
    // Neck and collar, then the head over both.
    c.path("M13.400 17H18.600V21.400Q16 23.600 13.400 21.400Z", Rgb::hex(SKIN[who.skin][1]), 1.0);
    let light = who.coat.lighter(0.28);
    match who.outfit {
        Outfit::Coat => {
            c.path(
                "M12.600 20.300L16 25L11.600 26.400L10.200 21.500Z M19.400 20.300L16 25L20.400 26.400L21.800 21.500Z",
                light,
                1.0,
            );
        }
        Outfit::Jumper => {
            c.path("M11.800 20.300Q16 23.900 20.200 20.300L20.800 21.900Q16 25.600 11.200 21.900Z", light, 1.0)
        }
        Outfit::Overalls | Outfit::Dress => {}
    }
    if let Some(scarf) = who.scarf {
        c.path("M10.800 19.600Q16 22.600 21.200 19.600L21.800 22.400Q16 26 10.200 22.400Z", scarf, 1.0);
        c.path("M18.500 23L22 22.400L22.600 31L19 31.400Z", scarf.darker(0.12), 1.0);
    }
    head(&mut c, who, scale);
    c.finish()
}

/// Shoes, coat and arms.
fn torso(c: &mut Canvas, cut: &Cut) {
    let Cut { coat, skin, outfit, hem } = *cut;
    let dark = coat.darker(0.16);
    for x in [12.3, 19.7] {
        c.ellipse([x, hem + 0.9, 3.3, 1.9], SHOES, 1.0);
    }
    let (top, flare) = if outfit == Outfit::Dress { (7.2, 1.6) } else { (6.4, -0.6) };
    let body = format!(
        "M{top} 28C{top} 23.6 8.6 21 12.6 20.6L19.4 20.6C23.4 21 {r} 23.6 {r} 28L{br} {h3}Q{br} {hem} {bi} {hem}L{li} {hem}Q{bl} {hem} {bl} {h3}Z",
        r = 32.0 - top,
        br = 32.0 - top + flare,
        bi = 29.0 - top + flare,
        bl = top - flare,
        li = top + 3.0 - flare,
        h3 = hem - 3.0,
    );
    c.path(&body, coat, 1.0);
    details(c, cut);
    // Arms, with hands below the cuffs.
    let wrist = hem - 7.0;
    let cuff = wrist + 1.2;
    for (hand, d) in [
        (
            7.1,
            format!("M10 21.3C7 22.6 4.8 25.4 4.6 29L4.9 {wrist}Q5 {cuff} 7.1 {cuff}Q8.900 {cuff} 9 {wrist}L9.8 25Z"),
        ),
        (
            24.9,
            format!(
                "M22 21.3C25 22.6 27.2 25.4 27.4 29L27.1 {wrist}Q27 {cuff} 24.9 {cuff}Q23.1 {cuff} 23 {wrist}L22.2 25Z"
            ),
        ),
    ] {
        c.ellipse([hand, wrist + 1.3, 1.75, 1.8], skin, 1.0);
        c.path(&d, dark, 1.0);
    }
}

fn head(c: &mut Canvas, who: &Person, scale: f32) {
    let chin = 20.0;
    let Some(face) = library::open(face_of(who)) else { return };
    let face = dye(&face, who);
    c.raw(&format!(
        r#"<g transform="translate({:.2} {:.2}) scale({scale})">{}</g>"#,
        16.0 - 16.0 * scale,
        chin - 29.6 * scale,
        body(&face)
    ));
    let eyes = chin - 12.2 * scale;
    if who.glasses {
        let frame = Rgb::hex(0x3b3a48);
        let (dx, r) = (4.4 * scale, 3.3 * scale);
        let mut d = format!("M{:.2} {eyes:.2}h{:.2}", 16.0 - dx + r, 2.0 * (dx - r));
        for x in [16.0 - dx, 16.0 + dx] {
            let _ = write!(
                d,
                "M{:.2} {eyes:.2}a{r:.2} {r:.2} 0 1 0 {:.2} 0a{r:.2} {r:.2} 0 1 0 {:.2} 0",
                x - r,
                2.0 * r,
                -2.0 * r
            );
        }
        c.line(&d, frame, 0.55, 1.0);
    }
    if let Some(id) = &who.hat
        && let Some(svg) = library::open(id)
    {
        let (size, brow) = match id.as_str() {
            "crown" => (17.0 * scale / 0.6, 8.0),
            "top-hat" => (17.5 * scale / 0.6, 9.6),
            "hat-knight" => (25.0 * scale / 0.6, 20.5),
            "hat-witch" => (26.0 * scale / 0.6, 16.2),
            _ => (24.5 * scale / 0.6, 16.4),
        };
        // Hats keep their distance to the chin when the head grows.
        let bottom = chin - (chin - brow) * scale / 0.6;
        let dyed = if id == "hat-souwester" && who.coat_is_named { Some(who.coat) } else { None };
        c.picture(&svg, 16.0, bottom, size, false, |color| match dyed {
            Some(coat) => retint(color, Rgb::hex(0xffcb2e), coat),
            None => color,
        });
    }
}

fn details(c: &mut Canvas, cut: &Cut) {
    let Cut { coat, skin, hem, .. } = *cut;
    let (dark, light) = (coat.darker(0.16), coat.lighter(0.28));
    match cut.outfit {
        Outfit::Coat => {
            c.rect([15.6, 24.0, 0.8, hem - 24.0], 0.0, dark);
            for y in [28.5, 32.5, 36.5] {
                c.ellipse([17.9, y, 0.75, 0.75], light, 1.0);
            }
            c.rect([11.0, hem - 8.4, 3.4, 0.8], 0.4, dark);
            c.rect([18.4, hem - 8.4, 3.4, 0.8], 0.4, dark);
        }
        Outfit::Jumper => {
            for y in [27.5, 31.5] {
                c.rect([7.0, y, 18.0, 1.8], 0.0, light);
            }
            c.rect([6.8, hem - 5.0, 18.4, 5.0], 2.4, Rgb::hex(0x46506a));
            c.rect([6.8, hem - 5.0, 18.4, 2.2], 0.0, Rgb::hex(0x46506a));
        }
        Outfit::Overalls => {
            let denim = Rgb::hex(0x3c5a8c);
            c.path(
                &format!(
                    "M10.600 27H21.400V33H25.400V{0}Q25.400 {hem} 22.400 {hem}H9.600Q6.600 {hem} 6.600 {0}V33H10.600Z",
                    hem - 3.0
                ),
                denim,
                1.0,
            );
            c.path(
                "M10.600 27L10.200 21.200L12.200 20.800L13 27Z M21.400 27L21.800 21.200L19.800 20.800L19 27Z",
                denim,
                1.0,
            );
            c.rect([13.0, 29.5, 6.0, 4.5], 0.8, denim.darker(0.2));
            c.ellipse([11.8, 28.0, 0.7, 0.7], Rgb::hex(0xffc83d), 1.0);
            c.ellipse([20.2, 28.0, 0.7, 0.7], Rgb::hex(0xffc83d), 1.0);
        }
        Outfit::Dress => {
            c.path("M12.300 20.500Q16 26.600 19.700 20.500Z", skin, 1.0);
            c.rect([8.2, 31.2, 15.6, 1.6], 0.6, dark);
            for x in [9.0, 13.6, 18.2, 22.8] {
                c.ellipse([x, hem - 3.0, 0.9, 0.9], light, 1.0);
            }
        }
    }
}

/// Moves a colour from the family of `from` to the family of `to`, keeping its shade.
pub(super) fn retint(color: Rgb, from: Rgb, to: Rgb) -> Rgb {
    let ([h, s, l], [fh, fs, fl], [th, ts, tl]) = (color.hsl(), from.hsl(), to.hsl());
    let turn = ((h - fh + 540.0) % 360.0 - 180.0).abs();
    let same_family = if fs < 0.15 { s < 0.2 && (l - fl).abs() < 0.3 } else { turn < 32.0 && s > 0.12 };
    if same_family { Rgb::from_hsl([th, ts, (tl + (l - fl) * 0.85).clamp(0.04, 0.97)]) } else { color }
}

/// A bust of the library, standing: its lowest row of colours continues into a long coat over a pair of shoes.
fn on_a_body(svg: &str) -> String {
    const SIDE: u32 = 128;
    const FLOOR: f32 = 43.0;
    let pixels = raster::rasterise(svg, [0.0, 0.0, 32.0, 32.0], SIDE, SIDE);
    // The lowest row that is broad: where the chest is cut.
    let broad = |y: u32| (0..SIDE).filter(|&x| pixels.pixel(x, y).is_some_and(|p| p.alpha() == 255)).count() > 40;
    let Some(y) = (SIDE / 2..SIDE).rev().find(|&y| broad(y)).map(|y| y - 2) else { return svg.to_owned() };
    let cut = y as f32 * 32.0 / SIDE as f32;
    // Runs of equal colour along the row; a hand at the side is not part of the coat.
    let mut runs: Vec<(f32, f32, Rgb)> = Vec::new();
    for x in 0..SIDE {
        let Some(p) = pixels.pixel(x, y).filter(|p| p.alpha() == 255) else { continue };
        let color = Rgb(p.red(), p.green(), p.blue());
        let x = x as f32 * 32.0 / SIDE as f32;
        match runs.last_mut() {
            Some((_, end, last)) if *last == color && x - *end < 0.6 => *end = x + 0.25,
            _ => runs.push((x, x + 0.25, color)),
        }
    }
    let skin = SKIN.iter().map(|tone| Rgb::hex(tone[0])).collect::<Vec<_>>();
    runs.retain(|(start, end, color)| end - start > 0.6 && !(skin.contains(color) && (*start > 18.0 || *end < 12.0)));
    let (Some(left), Some(right)) = (runs.first().map(|r| r.0), runs.last().map(|r| r.1)) else {
        return svg.to_owned();
    };
    let (left, right) = (left.max(4.0), right.min(28.0));
    let middle = (left + right) / 2.0;
    let mut c = Canvas::new(32.0, 48.0);
    for x in [middle - 3.6, middle + 3.6] {
        c.ellipse([x, FLOOR + 0.9, 3.2, 1.9], SHOES, 1.0);
    }
    c.raw(&format!(
        r#"<clipPath id="coat"><path d="M{left} {cut}H{right}L{r1:.2} {k:.2}Q{r1:.2} {FLOOR} {r2:.2} {FLOOR}H{l2:.2}Q{l1:.2} {FLOOR} {l1:.2} {k:.2}Z"/></clipPath><g clip-path="url(#coat)">"#,
        r1 = right - 1.2,
        r2 = right - 4.4,
        l1 = left + 1.2,
        l2 = left + 4.4,
        k = FLOOR - 3.4,
    ));
    for (i, (start, _, color)) in runs.iter().enumerate() {
        let end = runs.get(i + 1).map_or(right + 1.0, |next| next.0);
        let start = if i == 0 { left - 1.0 } else { *start };
        c.rect([start, cut, end - start + 0.15, 44.0 - cut], 0.0, *color);
    }
    c.path(&format!("M{left} 38.500H{right}V39.500H{left}Z"), Rgb::BLACK, 0.1);
    c.raw("</g>");
    c.raw(&format!(r#"<g>{}</g>"#, body(svg)));
    c.finish()
}

/// A head of the library on the sitting body of a toy animal.
pub(super) fn critter(svg: &str) -> String {
    let fur = dominant(svg);
    let belly = fur.lighter(0.45);
    let mut c = Canvas::new(32.0, 46.0);
    // Tail, body, belly, feet, arms.
    c.path("M22 40C29 41 31.500 36 29 31.500C28.500 35 26.500 36.500 22 36.500Z", fur.darker(0.18), 1.0);
    c.path(
        "M16 20C22 20 25.500 28 25.500 36C25.500 42 22 44 16 44C10 44 6.500 42 6.500 36C6.500 28 10 20 16 20Z",
        fur.darker(0.07),
        1.0,
    );
    c.path("M16 25C20 25 21.800 30 21.800 36C21.800 41 19.500 43 16 43C12.500 43 10.200 41 10.200 36C10.200 30 12 25 16 25Z", belly, 1.0);
    for (x, turn) in [(9.2, 12.0), (22.8, -12.0)] {
        c.raw(&format!(
            r#"<ellipse cx="{x}" cy="31.500" rx="2.600" ry="6" fill="{}" transform="rotate({turn} {x} 31.500)"/>"#,
            fur.darker(0.16)
        ));
        c.ellipse([x + (16.0 - x) * 0.25, 43.6, 4.2, 2.2], fur.darker(0.2), 1.0);
    }
    c.picture(svg, 16.0, 26.5, 27.0, false, |color| color);
    c.finish()
}

/// A head of the library that is neither a person's nor an animal's (a robot, a clown), on a body of its own kind.
pub(super) fn being(id: &str, svg: &str) -> Option<String> {
    let coat = match id {
        "troll" => return Some(on_a_body(svg)),
        "santa-claus" => Rgb::hex(0xd8343f),
        "clown-face" => Rgb::hex(0x4f9dd0),
        "alien" => Rgb::hex(0x4b6f8f),
        "ogre" => Rgb::hex(0x7a4a3a),
        "goblin" => Rgb::hex(0x3f5a46),
        "robot" => return Some(machine(svg)),
        _ => return None,
    };
    let mut c = Canvas::new(32.0, 48.0);
    let skin = dominant(svg);
    torso(&mut c, &Cut { coat, skin, outfit: Outfit::Coat, hem: 44.0 });
    let scale = 0.66;
    c.raw(&format!(
        r#"<g transform="translate({:.2} {:.2}) scale({scale})">{}</g>"#,
        16.0 - 16.0 * scale,
        22.0 - 30.0 * scale,
        body(svg)
    ));
    Some(c.finish())
}

fn machine(svg: &str) -> String {
    let shell = dominant(svg);
    let (dark, light) = (shell.darker(0.25), shell.lighter(0.4));
    let mut c = Canvas::new(32.0, 46.0);
    for x in [10.0, 18.5] {
        c.rect([x, 37.0, 3.5, 6.0], 0.5, dark);
        c.rect([x - 1.6, 41.5, 6.6, 3.2], 1.5, shell.darker(0.4));
    }
    for x in [4.2, 24.4] {
        c.rect([x, 25.0, 3.4, 11.5], 1.7, dark);
        c.ellipse([x + 1.7, 37.0, 2.2, 2.0], shell.darker(0.4), 1.0);
    }
    c.rect([14.0, 20.0, 4.0, 4.0], 0.0, dark);
    c.rect([7.5, 22.5, 17.0, 16.0], 3.5, shell);
    c.rect([19.8, 22.5, 4.7, 16.0], 3.0, shell.darker(0.12));
    c.rect([10.5, 26.0, 9.0, 6.0], 1.2, Rgb::hex(0x2c2440));
    c.ellipse([12.9, 29.0, 1.2, 1.2], Rgb::hex(0xf25f5c), 1.0);
    c.ellipse([17.0, 29.0, 1.2, 1.2], Rgb::hex(0x5bc8f5), 1.0);
    c.rect([10.5, 34.0, 9.0, 1.3], 0.6, light);
    c.picture(svg, 16.0, 23.0, 22.5, false, |color| color);
    c.finish()
}

/// The colour that most of a picture has; near white and near black count less.
pub(super) fn dominant(svg: &str) -> Rgb {
    let pixels = raster::rasterise(svg, [0.0, 0.0, 32.0, 32.0], 48, 48);
    let mut counts: Vec<(Rgb, f32)> = Vec::new();
    for p in pixels.pixels().iter().filter(|p| p.alpha() == 255) {
        let color = Rgb(p.red(), p.green(), p.blue());
        let plain = color.luma() > 0.93 || color.luma() < 0.1;
        let weight = if plain { 0.4 } else { 1.0 };
        match counts.iter_mut().find(|(known, _)| *known == color) {
            Some((_, count)) => *count += weight,
            None => counts.push((color, weight)),
        }
    }
    counts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(Rgb::hex(0x9a8f88), |(color, _)| color)
}
