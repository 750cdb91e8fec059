import java.net.URI;

/** A program that does one piece of work, and finishes it in a shutdown hook if it is stopped. */
class Program {
  static void fetch(String path) throws Exception {
    try (var answer = URI.create(System.getenv("GATE") + path).toURL().openStream()) {
      answer.readAllBytes();
    }
  }

  public static void main(String[] arguments) throws Exception {
    var work = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        work.join();
      } catch (InterruptedException e) {
        // nobody interrupts it
      }
    }));
    fetch("/work");
    fetch("/done");
  }
}
