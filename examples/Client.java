import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;

/** Java 17 on the JSON API, without packages. A real program would parse the responses with its JSON library. */
public class Client {
    static final Map<String, String> ENV = System.getenv();
    static final HttpClient HTTP = HttpClient.newHttpClient();

    static String act(String action, String input) throws Exception {
        var url = ENV.getOrDefault("PORTCULLIS_URL", "http://127.0.0.1:8700");
        var path = "/v1/datasources/%s/actions/%s".formatted(ENV.getOrDefault("PORTCULLIS_DATASOURCE", "local"), action);
        var request = HttpRequest.newBuilder(URI.create(url + path + "?format=plain"))
            .header("Content-Type", "application/json")
            .header("Authorization", "Bearer " + ENV.getOrDefault("PORTCULLIS_TOKEN", "none"))
            .POST(HttpRequest.BodyPublishers.ofString(input)).build();
        var response = HTTP.send(request, BodyHandlers.ofString());
        if (response.statusCode() != 200) throw new RuntimeException(response.body());
        return response.body();
    }

    public static void main(String[] arguments) throws Exception {
        act("CreateTable", """
            {"TableName": "users-java", "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
             "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}""");
        act("PutItem", "{\"TableName\": \"users-java\", \"Item\": {\"id\": \"1\", \"name\": \"Anneke\"}}");
        System.out.println(act("GetItem", "{\"TableName\": \"users-java\", \"Key\": {\"id\": \"1\"}}"));
        act("DeleteTable", "{\"TableName\": \"users-java\"}");
    }
}
