//! A scene's draft still: the place, the cast on its ground line, the light over both.

use super::art::{Art, art};
use super::backdrop::{Place, UNITS_HIGH};
use super::color::Rgb;
use super::dice::hash;
use super::figure;
use super::grade::Grade;
use super::layout::{Actor, Spot, Stage, Table, arrange};
use super::library::{self, Kind};
use super::svg::{Along, Canvas, recolor};
use super::{photo, raster, words};
use image::RgbaImage;
use resvg::tiny_skia::{BlendMode, FilterQuality, Pixmap, PixmapPaint, Transform};
use std::sync::Arc;

/// Everything that decides a draft still: an owned snapshot, so that it can be drawn on any thread.
#[derive(Debug, Clone, Default)]
pub struct StillSpec {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The scene's action.
    pub prompt: String,
    /// How everything should look, in the user's words.
    pub style: String,
    /// Decides the arrangement where words do not.
    pub seed: u64,
    /// The place.
    pub background: StillBackground,
    /// People and objects, in the scene's order.
    pub foreground: Vec<StillEntity>,
}

/// The place of a still.
#[derive(Debug, Clone, Default)]
pub struct StillBackground {
    /// Its name; may be empty.
    pub name: String,
    /// Its looks; may be empty.
    pub description: String,
    /// The user's own photo of it, or an illustrator's picture.
    pub photo: Option<Arc<RgbaImage>>,
}

/// A person or object of a still.
#[derive(Debug, Clone, Default)]
pub struct StillEntity {
    /// Its name; decides what is drawn.
    pub name: String,
    /// Its looks; may be empty.
    pub description: String,
    /// Its own picture, already cut out (transparent around it).
    pub cutout: Option<Arc<RgbaImage>>,
}

/// One of the cast, ready to be placed.
struct Player {
    art: Arc<Art>,
    photo: Option<(Arc<RgbaImage>, [u32; 4], bool)>,
    aspect: f32,
    height: f32,
    kind: Kind,
}

/// Largest side of a still; a larger wish is drawn at this size.
const MAX_SIDE: u32 = 8192;

/// Draws the still. The same spec gives the same bytes; no words and no pictures make it fail.
pub fn draw_still(spec: &StillSpec) -> RgbaImage {
    let (width, height) = (spec.width.clamp(1, MAX_SIDE), spec.height.clamp(1, MAX_SIDE));
    let aspect = width as f32 / height as f32;
    let place = Place::read(&spec.background.name, &spec.background.description, &spec.prompt);
    let seed = spec.seed ^ hash(&spec.background.name).rotate_left(7);

    let mut players: Vec<Player> = spec.foreground.iter().map(Player::new).collect();
    let main = main_player(&players, spec);
    act(&mut players, main, spec, &place);
    let has_own_disc = players.iter().any(|p| p.kind == Kind::Sky && p.height < 0.28);

    let mut canvas = match spec.background.photo.as_ref().filter(|photo| photo.width() > 0 && photo.height() > 0) {
        Some(photo) => Pixmap::clone(&photo::ground(photo, width, height)),
        None => {
            let svg = place.paint(aspect, has_own_disc);
            let crop = [0.0, 0.0, (UNITS_HIGH * aspect).round().max(1.0), UNITS_HIGH];
            Pixmap::clone(&raster::rasterise(&svg, crop, width, height))
        }
    };
    let stage = Stage {
        aspect,
        indoor: place.is_indoor() || spec.background.photo.is_some(),
        water: place.is_water() && spec.background.photo.is_none(),
        waterline: place.waterline().filter(|_| spec.background.photo.is_none()),
        weightless: place.is_weightless() && spec.background.photo.is_none(),
    };
    let cast = Cast { players: &players, main, stage, place: &place, photo_ground: spec.background.photo.is_some() };
    cast.draw(&mut canvas, seed);
    if let Some(front) = place.paint_front(aspect, seed).filter(|_| spec.background.photo.is_none()) {
        raster::draw_over(&front, &mut canvas, UNITS_HIGH * aspect, UNITS_HIGH);
    }
    Grade::of(&spec.style).apply(canvas.data_mut(), width, height);
    RgbaImage::from_raw(width, height, canvas.take()).unwrap_or_default()
}

impl Player {
    fn new(entity: &StillEntity) -> Self {
        let art = art(&entity.name, &entity.description);
        let photo = entity.cutout.as_ref().and_then(|cutout| {
            let (part, cut_off) = photo::solid_part(cutout)?;
            Some((cutout.clone(), part, cut_off))
        });
        let aspect = photo.as_ref().map_or(art.aspect(), |(_, part, _)| part[2] as f32 / part[3] as f32);
        let mut height = art.height;
        if photo.is_some() && art.id == "letter" {
            height = 0.42;
        }
        // Wide photos keep to a share of the frame's width too.
        Self { aspect, height: height.min(0.9 / aspect.max(0.1)), kind: art.kind, photo, art }
    }

    fn is_being(&self) -> bool {
        matches!(self.kind, Kind::Person | Kind::Figure | Kind::Animal | Kind::Critter)
    }
}

/// The one that the scene is about: the being that its prompt names first, else the first being, else the first entity.
fn main_player(players: &[Player], spec: &StillSpec) -> usize {
    let prompt = words::split(&spec.prompt);
    let named_at = |name: &str| {
        let name = words::split(name);
        let head = words::noun_phrase(&name).last()?;
        prompt.iter().position(|word| word == head || words::singular(word) == *head)
    };
    let beings = || (0..players.len()).filter(|&i| players[i].is_being());
    beings()
        .filter_map(|i| Some((named_at(&spec.foreground[i].name)?, i)))
        .min()
        .map(|(_, i)| i)
        .or_else(|| beings().next())
        .unwrap_or(0)
}

/// What the prompt's verb shows: pictures of the library in which somebody does it.
const ACTIONS: [(&[&str], &str, Kind, f32); 5] = [
    (&["row", "rows", "rowing", "rowed", "paddles", "paddling"], "rowing-boat", Kind::Boat, 0.5),
    (&["swim", "swims", "swimming"], "swimming", Kind::Swimmer, 0.4),
    (&["cycles", "cycling", "bikes", "biking", "pedals", "bicycle"], "biking", Kind::Vehicle, 0.5),
    (&["surfs", "surfing"], "surfing", Kind::Boat, 0.5),
    (&["sleeps", "sleeping", "asleep"], "in-bed", Kind::Furniture, 0.42),
];

/// Lets the main actor do what the prompt says, where the library has a picture of it.
fn act(players: &mut [Player], main: usize, spec: &StillSpec, place: &Place) {
    let Some(player) = players.get_mut(main).filter(|p| p.photo.is_none()) else { return };
    let Some(person) = player.art.person.clone() else { return };
    let prompt = words::split(&spec.prompt);
    for (verbs, action, kind, height) in ACTIONS {
        let fits = match action {
            "in-bed" => place.setting.name() == "bedroom",
            "swimming" | "surfing" | "rowing-boat" => place.waterline().is_some(),
            _ => !place.is_indoor(),
        };
        if !fits || !prompt.iter().any(|word| verbs.contains(&word.as_str())) {
            continue;
        }
        let who = if person.sex == super::person::Sex::Female { "woman" } else { "man" };
        let Some(svg) =
            library::open(&format!("{who}-{action}")).or_else(|| library::open(&format!("person-{action}")))
        else {
            continue;
        };
        let drawn: Arc<str> = figure::acting(&person, &svg).into();
        let crop = raster::content_box(&drawn).unwrap_or([0.0, 0.0, 32.0, 32.0]);
        let art =
            Art { svg: drawn, crop, kind, height, id: format!("person-{action}"), person: Some(person), count: 1 };
        *player = Player { aspect: art.aspect(), height, kind, photo: None, art: Arc::new(art) };
        return;
    }
}

/// Whether one sees who sits in the boat.
fn is_open(boat: &str) -> bool {
    matches!(boat, "rowing-boat" | "canoe" | "ring-buoy" | "paper-boat")
}

/// The cast of a still on its stage.
struct Cast<'a> {
    players: &'a [Player],
    main: usize,
    stage: Stage,
    place: &'a Place,
    photo_ground: bool,
}

impl Cast<'_> {
    fn draw(&self, canvas: &mut Pixmap, seed: u64) {
        let (spots, table, aboard) = self.spots(seed);
        let scale = canvas.height() as f32;
        let mut order: Vec<usize> = (0..spots.len()).collect();
        order.sort_by(|&a, &b| spots[a].depth.total_cmp(&spots[b].depth).then(a.cmp(&b)));
        let (units_w, units_h) = (UNITS_HIGH * self.stage.aspect, UNITS_HIGH);

        let mut shadows = Canvas::new(units_w, units_h);
        for &i in &order {
            if spots[i].grounded {
                let on_table = table.is_some_and(|t| (spots[i].bottom - t.top).abs() < 0.02);
                if !on_table {
                    shadow(&mut shadows, spots[i].x, spots[i].bottom, spots[i].height * self.players[i].aspect);
                }
            }
        }
        if let Some(table) = table {
            shadow(&mut shadows, table.x, table.bottom - 0.01, table.width * 1.05);
        }
        raster::draw_over(&shadows.finish(), canvas, units_w, units_h);

        let mut table_left = table;
        for &i in &order {
            let spot = spots[i];
            if let Some(t) = table_left.filter(|t| (spot.bottom - t.top).abs() < 0.02) {
                self.draw_table(canvas, t);
                table_left = None;
            }
            self.draw_player(canvas, &self.players[i], spot, scale);
        }

        let mut ripples = Canvas::new(units_w, units_h);
        for &i in order.iter().filter(|&&i| spots[i].sunk > 0.0 && !aboard.contains(&i)) {
            let (spot, wide) = (spots[i], spots[i].height * self.players[i].aspect * UNITS_HIGH);
            let (x, y) = (spot.x * UNITS_HIGH, (spot.bottom - spot.sunk * spot.height) * UNITS_HIGH);
            let foam = self.place.light.shade(Rgb::hex(0xeaf7fb), 0.1);
            for (dx, dy, share, opacity) in [(0.0, 2.0, 0.56, 0.6), (-0.16, 9.0, 0.3, 0.4), (0.2, 12.0, 0.26, 0.35)] {
                ripples.ellipse([x + dx * wide, y + dy, wide * share, 3.2], foam, opacity);
            }
        }
        raster::draw_over(&ripples.finish(), canvas, units_w, units_h);
    }

    /// Spots of all players: the layout's, except for those aboard a boat and portraits that stand at the lower edge.
    fn spots(&self, seed: u64) -> (Vec<Spot>, Option<Table>, Vec<usize>) {
        let boat = (0..self.players.len()).find(|&i| {
            let p = &self.players[i];
            self.stage.water && p.kind == Kind::Boat && p.height >= 0.25 && p.art.person.is_none() && p.art.id != "ship"
        });
        let aboard: Vec<usize> = match boat {
            Some(_) => (0..self.players.len()).filter(|&i| self.players[i].is_being()).take(3).collect(),
            None => Vec::new(),
        };
        let on_stage: Vec<usize> = (0..self.players.len()).filter(|i| !aboard.contains(i)).collect();
        let actors: Vec<Actor> = on_stage
            .iter()
            .map(|&i| {
                let p = &self.players[i];
                let carries = boat == Some(i) && !aboard.is_empty();
                // A boat that carries people is as large as they need.
                let needed = if is_open(&p.art.id) {
                    0.46 * (1.0 + 0.2 * aboard.len() as f32) / p.aspect.max(0.6)
                } else {
                    0.72
                };
                let height = if carries { p.height.max(needed) } else { p.height };
                Actor { kind: p.kind, height, aspect: p.aspect, is_main: i == self.main || carries }
            })
            .collect();
        let (placed, table) = arrange(&actors, self.stage, seed);
        let nowhere = Spot { x: 0.0, bottom: 0.0, height: 0.0, flip: false, sunk: 0.0, grounded: false, depth: 0.0 };
        let mut spots = vec![nowhere; self.players.len()];
        for (spot, &i) in placed.into_iter().zip(&on_stage) {
            spots[i] = spot;
        }
        if let Some(boat) = boat {
            let hull = spots[boat];
            let long = hull.height * self.players[boat].aspect;
            for (n, &i) in aboard.iter().enumerate() {
                let step = (n as f32 + 1.0) / (aboard.len() as f32 + 1.0) - 0.5;
                let open = is_open(&self.players[boat].art.id);
                // In an open boat one sits behind the near side; on a deck one stands in front of sail or cabin.
                let (share, rail, depth) = if open { (0.82, 0.4, -0.001) } else { (0.6, 0.27, 0.001) };
                let height = (self.players[i].height * share).min(0.6);
                let rail_y = hull.bottom - hull.height * rail;
                spots[i] = Spot {
                    x: hull.x + step * long * 0.7,
                    bottom: rail_y + height * 0.3,
                    height,
                    flip: false,
                    sunk: 0.3,
                    grounded: false,
                    depth: hull.depth + depth,
                };
            }
        }
        for (spot, player) in spots.iter_mut().zip(self.players) {
            let cut_off = player.photo.as_ref().is_some_and(|(_, _, cut_off)| *cut_off);
            if cut_off && player.kind == Kind::Person && spot.height > 0.2 {
                // A portrait without feet is a medium shot: it stands on the frame's lower edge.
                spot.height = (spot.height * 1.22).min(0.8);
                spot.bottom = 1.0;
                spot.grounded = false;
                spot.depth += 0.02;
            }
        }
        (spots, table, aboard)
    }

    /// The light on the cast: weaker than on the place, so that faces read.
    fn tint(&self) -> Rgb {
        if self.photo_ground {
            Rgb::WHITE
        } else if self.place.is_indoor() {
            if self.place.light.is_dark() { Rgb::hex(0xf1d9c4) } else { Rgb::WHITE }
        } else {
            Rgb::WHITE.mix(self.place.light.ambient, 0.45)
        }
    }

    fn draw_player(&self, canvas: &mut Pixmap, player: &Player, spot: Spot, scale: f32) {
        let tint = self.tint();
        let (w, h) = ((spot.height * player.aspect * scale).round().max(1.0), (spot.height * scale).round().max(1.0));
        let copies: &[(f32, f32, f32)] = match (if player.photo.is_some() { 1 } else { player.art.count }, player.kind)
        {
            (0 | 1, _) => &[(0.0, 0.0, 1.0)],
            (2, _) => &[(-0.36, -0.05, 0.74), (0.22, 0.0, 0.86)],
            (_, Kind::Small | Kind::Plant) => &[(-0.3, -0.02, 0.72), (0.34, -0.02, 0.7), (0.02, 0.0, 0.84)],
            _ => &[(-0.42, -0.07, 0.62), (0.44, -0.06, 0.66), (0.0, 0.0, 0.86)],
        };
        for (dx, dy, share) in copies {
            let (w, h) = ((w * share).max(1.0), (h * share).max(1.0));
            let sprite = match &player.photo {
                Some((photo, part, _)) => {
                    photo::resampled(photo, *part, w as u32, h as u32, spot.flip && player.kind != Kind::Person, tint)
                }
                None => {
                    let svg = recolor(&player.art.svg, |c| self.lit(player, c, tint));
                    raster::rasterise(&svg, player.art.crop, w as u32, h as u32)
                }
            };
            let x = spot.x * scale + dx * w / share - w / 2.0;
            let y = (spot.bottom + dy) * scale - h;
            let visible = (h * (1.0 - spot.sunk)).ceil() as u32;
            blit(canvas, &sprite, x.round() as i32, y.round() as i32, visible, spot.flip && player.photo.is_none());
        }
    }

    /// A colour of a player's drawing in the scene's light. Water that a picture brings along becomes the scene's.
    fn lit(&self, player: &Player, color: Rgb, tint: Rgb) -> Rgb {
        let light = &self.place.light;
        let brings_water = player.kind == Kind::Boat || (player.kind == Kind::Swimmer && player.art.person.is_some());
        match color {
            _ if player.kind == Kind::Sky => color,
            Rgb(0x00, 0xa6, 0xed) | Rgb(0x26, 0xc9, 0xfc) if brings_water && self.stage.waterline.is_some() => {
                light.shade(Rgb::hex(0x286f99), 0.05)
            }
            Rgb(0x00, 0x84, 0xce) if brings_water && self.stage.waterline.is_some() => {
                light.shade(Rgb::hex(0x1b5580), 0.0)
            }
            _ => color.lit(tint),
        }
    }

    fn draw_table(&self, canvas: &mut Pixmap, table: Table) {
        let u = UNITS_HIGH;
        let lamp = self.tint();
        let wood = Rgb::hex(0xa9744f).lit(lamp);
        let (x, w) = ((table.x - table.width / 2.0) * u, table.width * u);
        let (top, bottom) = (table.top * u, table.bottom * u);
        let mut c = Canvas::new(u * self.stage.aspect, u);
        for leg in [x + 0.05 * w, x + 0.95 * w - 16.0] {
            c.rect([leg, top + 8.0, 16.0, bottom - top - 8.0], 3.0, wood.darker(0.3));
        }
        c.rect([x + 0.03 * w, top + 10.0, 0.94 * w, 26.0], 2.0, wood.darker(0.2));
        c.rect([x, top, w, 17.0], 6.0, wood);
        c.rect([x + 3.0, top, w - 6.0, 6.0], 3.0, wood.lighter(0.22));
        raster::draw_over(&c.finish(), canvas, u * self.stage.aspect, u);
    }
}

/// A soft contact shadow under something `wide` (in shares of the height) that stands at `x`, `bottom`.
fn shadow(c: &mut Canvas, x: f32, bottom: f32, wide: f32) {
    let (x, y, rx) = (x * UNITS_HIGH, bottom * UNITS_HIGH - 2.0, (wide * 0.56 * UNITS_HIGH).clamp(10.0, 420.0));
    let dark = Rgb::hex(0x14101f);
    // A radial gradient, squashed: SVG gradients follow the group's transform.
    let squash = 0.15 + 6.0 / rx;
    c.raw(&format!(r#"<g transform="translate({x:.1} {y:.1}) scale(1 {squash:.3})">"#));
    let paint = c.gradient(Along::Out(0.0, 0.0, rx), &[(0.0, dark, 0.46), (0.55, dark, 0.26), (1.0, dark, 0.0)]);
    c.ellipse([0.0, 0.0, rx, rx], paint, 1.0);
    c.raw("</g>");
}

/// Puts the first `rows` rows of a sprite onto the canvas.
fn blit(canvas: &mut Pixmap, sprite: &Pixmap, x: i32, y: i32, rows: u32, flip: bool) {
    let paint = PixmapPaint { opacity: 1.0, blend_mode: BlendMode::SourceOver, quality: FilterQuality::Nearest };
    let rows = rows.min(sprite.height());
    let cut;
    let shown = if rows < sprite.height() {
        let mut upper = raster::blank(sprite.width(), rows);
        let len = upper.data().len();
        upper.data_mut().copy_from_slice(&sprite.data()[..len]);
        cut = upper;
        &cut
    } else {
        sprite
    };
    let place = if flip {
        Transform::from_row(-1.0, 0.0, 0.0, 1.0, 2.0 * x as f32 + shown.width() as f32, 0.0)
    } else {
        Transform::identity()
    };
    canvas.draw_pixmap(x, y, shown.as_ref(), &paint, place, None);
}
