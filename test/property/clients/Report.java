import java.io.PrintStream;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;

/** What a BI tool does with the reports: lists the views, reads types and comments, runs queries with parameters. */
public class Report {
	public static void main(String[] args) throws Exception {
		PrintStream out = new PrintStream(System.out, true, "UTF-8");
		try (Connection connection = DriverManager.getConnection(args[0])) {
			DatabaseMetaData meta = connection.getMetaData();
			int views = 0, uncommented = 0, columns = 0;
			try (ResultSet tables = meta.getTables(null, "cdp", "report\\_%", new String[] {"VIEW"})) {
				while (tables.next()) {
					views++;
					if (tables.getString("REMARKS") == null) uncommented++;
				}
			}
			out.println("views: " + (views >= 18 ? "18 or more" : views) + ", without comment: " + uncommented);
			try (ResultSet list = meta.getColumns(null, "cdp", "report\\_overview", null)) {
				while (list.next()) {
					columns++;
					if (columns <= 9) {
						out.println(list.getString("COLUMN_NAME") + " " + list.getString("TYPE_NAME") + ": " + list.getString("REMARKS"));
					}
				}
			}
			out.println("columns: " + columns);
			connection.setAutoCommit(false);
			String query = "SELECT day, people, orders, net_revenue, computed_at FROM cdp.report_overview(date_from => ?, date_to => ?, segment => ?, source => ?) ORDER BY day";
			try (PreparedStatement statement = connection.prepareStatement(query)) {
				statement.setFetchSize(1);
				// more often than the driver waits before it prepares on the server
				for (int i = 0; i < 7; i++) {
					statement.setDate(1, Date.valueOf("2026-01-02"));
					statement.setDate(2, Date.valueOf("2026-01-31"));
					statement.setString(3, null);
					statement.setString(4, i < 6 ? "web" : "nowhere");
					try (ResultSet rows = statement.executeQuery()) {
						ResultSetMetaData types = rows.getMetaData();
						int n = 0;
						while (rows.next()) {
							n++;
							if (i == 5) {
								out.println(rows.getDate(1) + " " + rows.getLong(2) + " " + rows.getLong(3) + " " + rows.getBigDecimal(4) + " " + types.getColumnTypeName(5));
							}
						}
						if (i >= 5) out.println("rows: " + n);
					}
				}
			}
			for (String table : new String[] {"cdp.report_fact", "cdp.event"}) {
				try (ResultSet rows = connection.createStatement().executeQuery("SELECT * FROM " + table)) {
					out.println(table + " can be read");
				} catch (SQLException refused) {
					out.println(table + ": " + refused.getSQLState());
					connection.rollback();
				}
			}
		}
	}
}
