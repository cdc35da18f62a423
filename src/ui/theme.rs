//! Colours, type and spacing: the only place that spells a colour.
#![allow(clippy::disallowed_methods, reason = "the design tokens are colour literals, and nothing else is")]

use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke, Style,
    TextStyle, Ui, Vec2, Visuals,
};
use std::sync::Arc;

/// The colours of one theme.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theme {
    pub dark: bool,
    /// Behind the cards.
    pub surface: Color32,
    /// Side panels and bars.
    pub panel: Color32,
    pub card: Color32,
    /// Text fields.
    pub field: Color32,
    pub line: Color32,
    pub button: Color32,
    pub button_hover: Color32,
    pub text: Color32,
    pub text_dim: Color32,
    /// Selection and the main action.
    pub accent: Color32,
    pub accent_hover: Color32,
    pub on_accent: Color32,
    pub accent_faint: Color32,
    /// Text of a selected button, and the frame of a field that has the keyboard.
    pub on_selection: Color32,
    pub good: Color32,
    pub good_faint: Color32,
    pub warn: Color32,
    pub warn_faint: Color32,
    pub bad: Color32,
    /// The star of a take.
    pub star: Color32,
    /// An entity chip.
    pub chip: Color32,
    /// A chip of a place, and its text.
    pub chip_place: Color32,
    pub on_chip_place: Color32,
    pub playhead: Color32,
    /// Behind badges on pictures.
    pub scrim: Color32,
    pub on_scrim: Color32,
    /// The two squares of the board behind cut-outs.
    pub checker: [Color32; 2],
}

/// Spacing steps, in points.
pub mod space {
    pub const XS: f32 = 4.0;
    pub const S: f32 = 8.0;
    pub const L: f32 = 16.0;
}

/// Corner radii, in points.
pub mod radius {
    pub const SMALL: u8 = 5;
    pub const MEDIUM: u8 = 6;
    pub const CARD: u8 = 9;
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

impl Theme {
    pub const DARK: Self = Self {
        dark: true,
        surface: rgb(0x14161b),
        panel: rgb(0x171a20),
        card: rgb(0x1a1e25),
        field: rgb(0x101216),
        line: rgb(0x262a33),
        button: rgb(0x232731),
        button_hover: rgb(0x2c313d),
        text: rgb(0xe6e8ee),
        text_dim: rgb(0x8b93a7),
        accent: rgb(0x4c7dff),
        accent_hover: rgb(0x6a93ff),
        on_accent: rgb(0xffffff),
        accent_faint: rgb(0x1c2846),
        on_selection: rgb(0xa9c1ff),
        good: rgb(0x7ddba3),
        good_faint: rgb(0x173126),
        warn: rgb(0xf2bd62),
        warn_faint: rgb(0x3a2d16),
        bad: rgb(0xff7d7d),
        star: rgb(0xffd257),
        chip: rgb(0x272c37),
        chip_place: rgb(0x1d2f38),
        on_chip_place: rgb(0x9fd3e6),
        playhead: rgb(0xff6b6b),
        scrim: Color32::from_rgba_premultiplied(12, 14, 18, 208),
        on_scrim: rgb(0xe6e8ee),
        checker: [rgb(0x20242c), rgb(0x1a1d24)],
    };

    pub const LIGHT: Self = Self {
        dark: false,
        surface: rgb(0xeef0f4),
        panel: rgb(0xf7f8fa),
        card: rgb(0xffffff),
        field: rgb(0xffffff),
        line: rgb(0xd8dce4),
        button: rgb(0xe6e9ef),
        button_hover: rgb(0xd9dee8),
        text: rgb(0x1b1f27),
        text_dim: rgb(0x5d6678),
        accent: rgb(0x2f62e8),
        accent_hover: rgb(0x4a78f0),
        on_accent: rgb(0xffffff),
        accent_faint: rgb(0xdfe8ff),
        on_selection: rgb(0x1f4fd0),
        good: rgb(0x177a45),
        good_faint: rgb(0xd9f2e3),
        warn: rgb(0x8a5a00),
        warn_faint: rgb(0xfcecc9),
        bad: rgb(0xc03232),
        star: rgb(0xffd257),
        chip: rgb(0xe9ecf2),
        chip_place: rgb(0xd9edf4),
        on_chip_place: rgb(0x14546b),
        playhead: rgb(0xe04545),
        scrim: Color32::from_rgba_premultiplied(12, 14, 18, 200),
        on_scrim: rgb(0xf2f4f8),
        checker: [rgb(0xe3e6ec), rgb(0xf2f4f7)],
    };

    /// The theme in use.
    pub fn of(ui: &Ui) -> Self {
        Self::of_visuals(ui.visuals())
    }

    pub fn of_visuals(visuals: &Visuals) -> Self {
        if visuals.dark_mode { Self::DARK } else { Self::LIGHT }
    }

    fn visuals(&self) -> Visuals {
        let mut v = if self.dark { Visuals::dark() } else { Visuals::light() };
        let line = Stroke::new(1.0, self.line);
        let r = CornerRadius::same(radius::MEDIUM);
        v.panel_fill = self.panel;
        v.window_fill = self.card;
        v.window_stroke = line;
        v.window_corner_radius = CornerRadius::same(radius::CARD);
        v.menu_corner_radius = CornerRadius::same(radius::CARD);
        v.window_shadow = Shadow { offset: [0, 10], blur: 32, spread: 0, color: Color32::from_black_alpha(110) };
        v.popup_shadow = Shadow { offset: [0, 5], blur: 16, spread: 0, color: Color32::from_black_alpha(80) };
        v.extreme_bg_color = self.field;
        v.text_edit_bg_color = Some(self.field);
        v.faint_bg_color = self.card;
        v.code_bg_color = self.chip;
        v.hyperlink_color = self.accent_hover;
        v.warn_fg_color = self.warn;
        v.error_fg_color = self.bad;
        v.weak_text_color = Some(self.text_dim);
        v.selection.bg_fill = self.accent.gamma_multiply(if self.dark { 0.38 } else { 0.2 });
        v.selection.stroke = Stroke::new(1.0, self.on_selection);
        v.slider_trailing_fill = true;
        let w = &mut v.widgets;
        w.noninteractive.bg_fill = self.panel;
        w.noninteractive.weak_bg_fill = self.panel;
        w.noninteractive.bg_stroke = line;
        w.noninteractive.fg_stroke = Stroke::new(1.0, self.text);
        for (state, fill, stroke) in [
            (&mut w.inactive, self.button, line),
            (&mut w.hovered, self.button_hover, Stroke::new(1.0, self.line)),
            (&mut w.active, self.button_hover, Stroke::new(1.0, self.accent)),
            (&mut w.open, self.button_hover, line),
        ] {
            state.bg_fill = fill;
            state.weak_bg_fill = fill;
            state.bg_stroke = stroke;
            state.fg_stroke = Stroke::new(1.0, self.text);
            state.expansion = 0.0;
        }
        for state in [&mut w.noninteractive, &mut w.inactive, &mut w.hovered, &mut w.active, &mut w.open] {
            state.corner_radius = r;
        }
        v
    }

    fn apply(&self, style: &mut Style) {
        style.visuals = self.visuals();
        style.text_styles = [
            (TextStyle::Heading, FontId::new(18.0, semibold())),
            (TextStyle::Body, FontId::new(13.0, FontFamily::Proportional)),
            (TextStyle::Button, FontId::new(13.0, FontFamily::Proportional)),
            (TextStyle::Small, FontId::new(11.0, FontFamily::Proportional)),
            (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
        ]
        .into();
        let s = &mut style.spacing;
        s.item_spacing = Vec2::new(space::S, space::S);
        s.button_padding = Vec2::new(10.0, 6.0);
        s.interact_size = Vec2::new(28.0, 28.0);
        s.window_margin = Margin::same(16);
        s.menu_margin = Margin::same(6);
        s.icon_width = 16.0;
        s.combo_width = 80.0;
        s.tooltip_width = 360.0;
        s.scroll = egui::style::ScrollStyle::thin();
        style.interaction.selectable_labels = false;
    }
}

/// The family of headings and names.
pub fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// Gives the context our fonts and both themes.
pub fn install(ctx: &Context) {
    let mut fonts = FontDefinitions::default();
    let mut add = |name: &str, bytes: &'static [u8]| {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    };
    add("inter", include_bytes!("../../assets/fonts/Inter-Regular.ttf"));
    add("inter-semibold", include_bytes!("../../assets/fonts/Inter-SemiBold.ttf"));
    let mut phosphor = FontData::from_static(include_bytes!("../../assets/fonts/Phosphor-subset.ttf"));
    phosphor.tweak.y_offset_factor = 0.07;
    fonts.font_data.insert("phosphor".to_owned(), Arc::new(phosphor));
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let family = |first: &str| -> Vec<String> {
        [first, "phosphor"].into_iter().map(str::to_owned).chain(fallback.iter().cloned()).collect()
    };
    fonts.families.insert(FontFamily::Proportional, family("inter"));
    fonts.families.insert(semibold(), family("inter-semibold"));
    ctx.set_fonts(fonts);
    ctx.style_mut_of(egui::Theme::Dark, |style| Theme::DARK.apply(style));
    ctx.style_mut_of(egui::Theme::Light, |style| Theme::LIGHT.apply(style));
}
