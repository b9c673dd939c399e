//! What characters the terminal shows, by the environment.

/// Whether they are those of UTF-8. The first of the variables that is set counts (locale(7)). Where none is set, as in many
/// containers and in sessions of root, they are taken to be, as systemd does (locale-util.c, `is_locale_utf8`).
pub(super) fn is_utf8() -> bool {
    names_utf8(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

fn names_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let mut set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    set.find(|locale| !locale.is_empty()).is_none_or(|locale| {
        let codeset = locale.split_once('.').map_or("", |(_, rest)| rest.split('@').next().unwrap_or(rest));
        codeset.replace('-', "").eq_ignore_ascii_case("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_utf8(variables: &[(&str, &str)]) -> bool {
        names_utf8(|name| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_characters() {
        assert!(is_utf8(&[]));
        assert!(is_utf8(&[("LANG", "de_DE.UTF-8")]) && is_utf8(&[("LANG", "C.utf8")]));
        assert!(is_utf8(&[("LC_ALL", ""), ("LC_CTYPE", "en_GB.UTF-8@euro"), ("LANG", "C")]));
        for locale in ["C", "POSIX", "de_DE", "de_DE.ISO-8859-1", "ja_JP.eucJP", "de_DE@euro"] {
            assert!(!is_utf8(&[("LC_ALL", locale), ("LANG", "C.UTF-8")]), "{locale}");
        }
    }
}
