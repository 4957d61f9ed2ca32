//! A plot as SVG: for each step a bar a program, over a logarithmic axis of seconds.

use std::fmt::Write;
use std::path::Path;

use crate::support::table::seconds;

const LEFT: f64 = 110.0;
const WIDTH: f64 = 720.0;
const BAR: f64 = 14.0;
const GAP: f64 = 26.0;
const TOP: f64 = 36.0;

/// What is asked about first.
const OWN: &str = "#0072b2";
const OTHERS: &str = "#bbb";

/// One step: what each program took, in seconds.
pub(crate) struct Group {
    pub(crate) step: String,
    pub(crate) bars: Vec<(String, f64)>,
}

/// Writes the plot, and says where.
pub(crate) fn write(path: &Path, title: &str, groups: &[Group]) {
    std::fs::write(path, svg(title, groups)).expect("the plot can be written");
    println!("Plot: {}", path.display());
}

fn svg(title: &str, groups: &[Group]) -> String {
    let values = || groups.iter().flat_map(|group| &group.bars).map(|bar| bar.1);
    let least = values().fold(f64::MAX, f64::min).max(1e-4);
    let most = values().fold(least, f64::max);
    let low = least.log10().floor();
    let high = most.log10().ceil().max(low + 1.0);
    let across =
        |value: f64| LEFT + (value.max(1e-4).log10() - low) / (high - low) * (WIDTH - LEFT - 70.0);
    let bars: usize = groups.iter().map(|group| group.bars.len()).sum();
    let height = TOP + bars as f64 * BAR + groups.len() as f64 * GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    text(&mut svg, 8.0, 20.0, title);
    let mut down = TOP;
    for group in groups {
        down += GAP - 6.0;
        text(&mut svg, 8.0, down - 4.0, &group.step);
        for (number, (name, value)) in group.bars.iter().enumerate() {
            let colour = if number == 0 { OWN } else { OTHERS };
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{down:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/>",
                (across(*value) - LEFT).max(1.0),
                BAR - 3.0
            );
            text(&mut svg, 16.0, down + 9.0, name);
            text(
                &mut svg,
                across(*value).max(LEFT) + 4.0,
                down + 9.0,
                &seconds(*value),
            );
            down += BAR;
        }
        down += 6.0;
    }
    svg + "</svg>\n"
}

fn text(svg: &mut String, x: f64, y: f64, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}
