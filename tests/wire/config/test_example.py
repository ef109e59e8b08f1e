"""The files that people start from."""
import re

from harness.proxy import ROOT

EXAMPLE = ROOT / "proxy.yaml.example"


def test_example_loads(mcproxy):
    result = mcproxy("-t", "-c", EXAMPLE)
    assert result.returncode == 0, result.stderr


def test_example_names_every_directive(mcproxy):
    names = re.findall(r"^#+ `?([a-z_]+)`?$|^\| `([a-z_]+)`", mcproxy("--reference").stdout, re.M)
    names = {a or b for a, b in names}
    assert len(names) > 60, "the reference has another form"
    text = EXAMPLE.read_text()
    assert not sorted(name for name in names if not re.search(rf"\b{name}:", text))


def test_quickstart_loads(mcproxy):
    result = mcproxy("-t", "-c", ROOT / "conf" / "quickstart.yaml", env={"PORT": "8080", "APP_PORT": "3000"})
    assert result.returncode == 0, result.stderr
