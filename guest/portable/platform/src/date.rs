//! Days of credential scopes: `YYYYMMDD`, in UTC.

/// Returns whether a date is today, yesterday or tomorrow: clocks differ, and a call may begin
/// shortly before midnight. `now` is in seconds since the Unix epoch.
pub(crate) fn is_current(date: &str, now: u64) -> bool {
    day(date).is_some_and(|day| day.abs_diff((now / 86_400) as i64) <= 1)
}

/// Returns the days since the Unix epoch: Howard Hinnant's `days_from_civil`,
/// <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
fn day(date: &str) -> Option<i64> {
    let is_plain = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = date.parse().ok().filter(|_| is_plain)?;
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_next_to_today_are_current() {
        // 2015-08-30 12:36.
        for (date, expected) in [
            ("20150829", true),
            ("20150830", true),
            ("20150831", true),
            ("20150828", false),
            ("20150901", false),
            ("20160830", false),
            ("", false),
            ("2015083", false),
            ("2015-8-3", false),
            ("+2015083", false),
            ("20151330", false),
            ("20150800", false),
        ] {
            assert_eq!(is_current(date, 1_440_938_160), expected, "{date}");
        }
    }

    #[test]
    fn days_are_counted_across_months_and_leap_years() {
        for (date, days) in
            [("19700101", 0), ("19700301", 59), ("20000229", 11_016), ("20261231", 20_818)]
        {
            assert_eq!(day(date), Some(days), "{date}");
        }
    }
}
