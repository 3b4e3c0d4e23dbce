"""DynamoDB from Python, by the library form: python host.py library.wasm ACTION [INPUT]

A plugin that waits in a function of WASI is not interrupted: run one that you do not trust in a process that can be ended.
"""
import os, sys, threading
from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker

class Datasource:
    def __init__(self, file, environment, settings):
        config, wasi = Config(), WasiConfig()
        config.epoch_interruption = True
        wasi.env = list(environment.items())  # only the platform component reads it
        self.engine = Engine(config)
        self.store, linker = Store(self.engine), Linker(self.engine)
        self.store.set_wasi(wasi)
        self.store.set_wasi_http()
        self.store.set_limits(memory_size=192 << 20)  # of each component in it
        linker.add_wasip2()
        linker.add_wasi_http()
        self.store.set_epoch_deadline(1)
        self.instance = linker.instantiate(self.store, Component.from_file(self.engine, file))
        self.connection = self.call("connect", settings)

    def call(self, name, *arguments, seconds=35):
        connector = self.instance.get_export_index(self.store, "portcullis:datasource/connector@0.1.1")
        function = self.instance.get_func(self.store, self.instance.get_export_index(self.store, name, connector))
        self.store.set_epoch_deadline(1)
        timer = threading.Timer(seconds, self.engine.increment_epoch)  # ends a loop, not a wait
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
    environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "PORTCULLIS_"))}
    datasource = Datasource(sys.argv[1], environment, os.environ["PORTCULLIS_SETTINGS"])
    print(datasource.call("[method]connection.execute", datasource.connection, sys.argv[2], (sys.argv[3:] or ["{}"])[0]))
