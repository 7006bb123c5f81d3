import java.io.PrintStream;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Statement;
import java.util.Arrays;

/** Prints the columns of a query's first row: name, database type, Java class, value. */
public class Customer {
	public static void main(String[] args) throws Exception {
		PrintStream out = new PrintStream(System.out, true, "UTF-8");
		try (Connection connection = DriverManager.getConnection(args[0]);
			 Statement statement = connection.createStatement();
			 ResultSet rows = statement.executeQuery(args[1])) {
			ResultSetMetaData columns = rows.getMetaData();
			rows.next();
			for (int i = 1; i <= columns.getColumnCount(); i++) {
				Object value = rows.getObject(i);
				if (value instanceof Array) {
					value = ((Array) value).getArray();
				}
				String text = value instanceof Object[] ? Arrays.toString((Object[]) value) : String.valueOf(value);
				out.println(columns.getColumnName(i) + " " + columns.getColumnTypeName(i) + " "
						+ value.getClass().getCanonicalName() + " " + text);
			}
		}
	}
}
