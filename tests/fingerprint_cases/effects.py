"""What importing a module does: patches, registrations, settings of libraries.

An import can change the world for code that never names it: such statements count for all code whose modules import
this one.
"""

from fingerprint_cases.case import changed, project, stage

_SEED = project(
    "import random\nimport setup_random\nrandom.seed(1)\nprint('loading')", stage("a", "random.random()"),
    setup_random="import os\n\nos.environ['MODE'] = 'x'\n\ndef unused():\n    return 1\n",
)  # fmt: skip

_PATCH = project(
    "import lib\nimport patches\n\ndef local():\n    return 1", stage("a", "lib.f()"), stage("b", "lib.g()"), stage("c", "f()", "from lib import f"),
    lib="def f():\n    return 1\n\ndef g():\n    return 2\n",
    patches="import lib\n\ndef better():\n    return 3\n\ndef spare():\n    return 4\n\nlib.f = better\n",
)  # fmt: skip

_CONSTANT = project(
    "import settings\nsettings.DEBUG = False", stage("a", "settings.DEBUG"), stage("b", "settings.LEVEL"),
    stage("c", "DEBUG", "from settings import DEBUG"),
    settings="DEBUG = True\nLEVEL = 1\n",
)  # fmt: skip

_PLUGINS = project(
    "import core\nimport plugins", stage("a", "core.run('one')"), stage("b", "core.other()"),
    core="HANDLERS = {}\n\ndef run(name):\n    return HANDLERS[name]()\n\ndef other():\n    return 1\n",
    plugins="from core import HANDLERS\n\ndef one():\n    return helper()\n\ndef helper():\n    return 2\n\nHANDLERS['one'] = one\n",
)  # fmt: skip

_AUGMENTED = project(
    "NAMES = ['a']\nNAMES += ['b']\nNAMES.append('c')\nTOTAL = 0\nfor i in range(3):\n    TOTAL += i",
    stage("a", "NAMES"),
    stage("b", "TOTAL"),
)

_SETUP = project(
    """
    import os

    def configure(level):
        os.environ["LEVEL"] = level

    def plain(x):
        return x

    configure("1")
    plain("2")
    """,
    stage("a", 'os.environ["LEVEL"]'),
)

_ACTS = project(
    "import decimal\nimport acts", stage("a", "1 / decimal.Decimal(3)"),
    acts="""
    import decimal
    import functools
    import random

    decimal.getcontext().prec = 5

    class Seeds:
        def __init__(self, seed):
            random.seed(seed)

        def again(self, seed):
            random.seed(seed + 1)

    Seeds(10)
    SEEDS = Seeds(20)
    SEEDS.again(30)
    Seeds(40).again(50)

    def nested():
        def inner():
            random.seed(60)

        inner()

    nested()

    def seeded(seed):
        def decorate(f):
            @functools.wraps(f)
            def wrapper():
                random.seed(seed)
                return f()

            return wrapper

        return decorate

    @seeded(70)
    def beside():
        return 80
    """,
)  # fmt: skip

CASES = (
    changed("seed at import", _SEED, "random.seed(1)", "random.seed(2)", "a", why="changes the library's state"),
    changed("seed at import removed", _SEED, "random.seed(1)", "", "a", why="changes the library's state"),
    changed("environment set by an imported module", _SEED, "'x'", "'y'", "a", path="setup_random.py", why="changes the process"),
    changed("function in a module imported for its effect", _SEED, "return 1", "return 2", path="setup_random.py", why="nobody calls it"),
    changed("print at import", _SEED, "'loading'", "'loaded'", why="no effect on results"),
    changed("patch", _PATCH, "return 3", "return 33", "a c", path="patches.py", why="what the name holds now"),
    changed("patched away", _PATCH, "return 1\n\ndef g", "return 11\n\ndef g", "c", path="lib.py",
            why="the loaded name holds the patch; who imports it later counts both"),
    changed("beside a patch", _PATCH, "return 4", "return 44", path="patches.py", why="not used"),
    changed("beside what is patched", _PATCH, "return 2", "return 22", "b", path="lib.py", why="not patched"),
    changed("patch removed", _PATCH, "lib.f = better", "", "a c", path="patches.py", why="the name holds its own again"),
    changed("constant set from outside", _CONSTANT, "settings.DEBUG = False", "settings.DEBUG = None", "a c", why="what the name holds now"),
    changed("constant beside it", _CONSTANT, "LEVEL = 1", "LEVEL = 2", "b", path="settings.py", why="kept apart"),
    changed("plugin", _PLUGINS, "return helper()", "return helper() + 1", "a", path="plugins.py", why="registered at import"),
    changed("helper of a plugin", _PLUGINS, "return 2", "return 3", "a", path="plugins.py", why="called by the plugin"),
    changed("registration", _PLUGINS, "HANDLERS['one'] = one", "HANDLERS['one'] = helper", "a", path="plugins.py", why="another function"),
    changed("augmented list", _AUGMENTED, "['b']", "['x']", "a", why="the value changed"),
    changed("appended list", _AUGMENTED, "append('c')", "append('d')", "a", why="the value changed"),
    changed("loop at the top", _AUGMENTED, "range(3)", "range(4)", "b", why="the value changed"),
    changed("call that sets the environment", _SETUP, 'configure("1")', 'configure("3")', "a", why="changes the process"),
    changed("helper that sets the environment", _SETUP, '= level', '= level + "0"', "a", why="changes the process"),
    changed("attribute of what a library's function returns", _ACTS, "prec = 5", "prec = 6", "a", path="acts.py", why="changes the library's state"),
    changed("object made for what its __init__ does", _ACTS, "Seeds(10)", "Seeds(11)", "a", path="acts.py", why="changes the library's state"),
    changed("method of an object made on the spot", _ACTS, "again(50)", "again(51)", "a", path="acts.py", why="changes the library's state"),
    changed("effect in a nested function that is called", _ACTS, "60", "61", "a", path="acts.py", why="it ran when the module was imported"),
    changed("beside an effect that a wrapper has when it is called", _ACTS, "return 80", "return 81", path="acts.py", why="the wrapper did not run"),
    changed("call without effect", _SETUP, 'plain("2")', 'plain("3")', why="no effect"),
)  # fmt: skip
