"""DynamoDB from Python, by the library form: python host.py library.wasm ACTION [INPUT]"""
import json, os, sys, threading
from wasmtime import Config, Engine, Store, WasiConfig, WasmtimeError, component

class Datasource:
    def __init__(self, file, environment, settings):
        config, wasi, self.lock = Config(), WasiConfig(), threading.Lock()
        config.epoch_interruption = True
        wasi.env = list(environment.items())  # only the platform component reads it
        self.engine = Engine(config)
        self.store, linker = Store(self.engine), component.Linker(self.engine)
        self.store.set_wasi(wasi), self.store.set_wasi_http(), self.store.set_epoch_deadline(1)
        self.store.set_limits(memory_size=192 << 20)  # of each component in it
        linker.add_wasip2(), linker.add_wasi_http()
        self.instance = linker.instantiate(self.store, component.Component.from_file(self.engine, file))
        self.connection = self.call("connect", settings)

    def call(self, name, *arguments, seconds=35):
        with self.lock:  # two threads in one store would abort the interpreter
            connector = self.instance.get_export_index(self.store, "portcullis:datasource/connector@0.1.1")
            function = self.instance.get_func(self.store, self.instance.get_export_index(self.store, name, connector))
            self.store.set_epoch_deadline(1)
            timer = threading.Timer(seconds, self.engine.increment_epoch)  # ends a loop, not a wait in a function of WASI
            timer.start()
            try:
                result = function(self.store, *arguments)
                function.post_return(self.store)
            finally:
                timer.cancel()
        if hasattr(result, "tag"):  # the case of an error, and what is known about it
            raise RuntimeError(result.tag, result.payload)
        return result

if __name__ == "__main__":
    try:
        variables = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "PORTCULLIS_"))}
        source = Datasource(sys.argv[1], variables, variables.get("PORTCULLIS_SETTINGS") or sys.exit("set PORTCULLIS_SETTINGS"))
        print(source.call("[method]connection.execute", source.connection, sys.argv[2], (sys.argv[3:] or ["{}"])[0]))
    except (RuntimeError, WasmtimeError) as error:
        sys.exit(json.dumps(dict(zip(["tag", "val"], error.args if len(error.args) == 2 else ["other", str(error)])), default=vars))
