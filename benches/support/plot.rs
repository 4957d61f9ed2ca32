//! A plot as SVG: lines over two logarithmic axes, as growth is looked at. A line that is flat does not grow, one that
//! climbs as the dashed diagonal does is linear.

use std::fmt::Write;
use std::path::Path;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 50.0;

/// Colours that can be told apart, also without seeing red or green.
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];

/// Lines, each with its name and its points.
pub(crate) struct Plot {
    title: String,
    across: String,
    up: String,
    lines: Vec<(String, Vec<(f64, f64)>)>,
}

impl Plot {
    /// Without lines as yet; what stands along its axes.
    pub(crate) fn new(title: &str, across: &str, up: &str) -> Self {
        Self {
            title: title.to_owned(),
            across: across.to_owned(),
            up: up.to_owned(),
            lines: Vec::new(),
        }
    }

    /// Adds a point to the line of this name. What is not above zero has no place on such axes and is left out.
    pub(crate) fn point(&mut self, line: &str, x: f64, y: f64) {
        if x <= 0.0 || y <= 0.0 {
            return;
        }
        match self.lines.iter_mut().find(|(name, _)| name == line) {
            Some((_, points)) => points.push((x, y)),
            None => self.lines.push((line.to_owned(), vec![(x, y)])),
        }
    }

    /// Writes it to a file, and says where; none where there are no points.
    pub(crate) fn write(&self, path: &Path) {
        if self.lines.is_empty() {
            return;
        }
        std::fs::write(path, self.svg()).expect("the plot can be written");
        println!("Plot: {}", path.display());
    }

    fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let across = Axis::of(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
        let up = Axis::of(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
        );
        self.write_frame(&mut svg, &across, &up);
        write_diagonal(&mut svg, &across, &up);
        for (number, (name, points)) in self.lines.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let places = points
                .iter()
                .map(|point| format!("{:.1},{:.1}", across.place(point.0), up.place(point.1)));
            let places = places.collect::<Vec<_>>().join(" ");
            let _ = writeln!(
                svg,
                "<polyline points=\"{places}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
            );
            let at = TOP + 16.0 * number as f64;
            let left = WIDTH - RIGHT + 10.0;
            let _ = writeln!(
                svg,
                "<rect x=\"{left}\" y=\"{at}\" width=\"12\" height=\"3\" fill=\"{colour}\"/>"
            );
            text(&mut svg, left + 17.0, at + 5.0, "start", name);
        }
        svg + "</svg>\n"
    }

    /// Titles, and the marks of both axes.
    fn write_frame(&self, svg: &mut String, across: &Axis, up: &Axis) {
        text(svg, LEFT, 20.0, "start", &self.title);
        let middle = (LEFT + WIDTH - RIGHT) / 2.0;
        text(svg, middle, HEIGHT - 12.0, "middle", &self.across);
        text(svg, 8.0, TOP - 6.0, "start", &self.up);
        for (at, label) in across.marks() {
            line(svg, (at, TOP), (at, HEIGHT - BOTTOM));
            text(svg, at, HEIGHT - BOTTOM + 16.0, "middle", &label);
        }
        for (at, label) in up.marks() {
            line(svg, (LEFT, at), (WIDTH - RIGHT, at));
            text(svg, LEFT - 6.0, at + 4.0, "end", &label);
        }
    }
}

/// What is linear climbs like this, wherever it begins.
fn write_diagonal(svg: &mut String, across: &Axis, up: &Axis) {
    let powers = (across.high - across.low).min(up.high - up.low);
    let end = |axis: &Axis| axis.place(10_f64.powi(axis.low + powers));
    let (x, y) = (end(across), end(up));
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{y:.1}\" stroke=\"#aaa\" stroke-dasharray=\"5 5\"/>",
        across.from, up.from
    );
    text(svg, x - 4.0, y + 14.0, "end", "linear");
}

fn line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#ddd\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    );
}

/// Whole powers of ten, from one place of the picture to another.
struct Axis {
    low: i32,
    high: i32,
    from: f64,
    to: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut least, mut most) = (f64::MAX, f64::MIN_POSITIVE);
        for value in values {
            (least, most) = (least.min(value), most.max(value));
        }
        let low = least.log10().floor() as i32;
        let high = (most.log10().ceil() as i32).max(low + 1);
        Self {
            low,
            high,
            from,
            to,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        self.from + part * (self.to - self.from)
    }

    fn marks(&self) -> impl Iterator<Item = (f64, String)> + '_ {
        (self.low..=self.high).map(|power| {
            let value = 10_f64.powi(power);
            (self.place(value), short(value))
        })
    }
}

fn short(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{} G", value / 1e9),
        value if value >= 1e6 => format!("{} M", value / 1e6),
        value if value >= 1e3 => format!("{} k", value / 1e3),
        value => format!("{value}"),
    }
}
