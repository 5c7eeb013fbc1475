import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.EnumSet;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CreateFlag;
import org.apache.hadoop.fs.DelegateToFileSystem;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.Progressable;

/**
 * Local files as Spark and Delta see them, except that nothing below some folders, the lakes, is written, renamed or
 * deleted. Compiled by the compiler that Spark brings, see jobs/read_only.py. The property listenlake.read.only has
 * the folders, one a line, without links.
 */
public class ReadOnlyLake extends RawLocalFileSystem {
    private void refuse(String what, Path path) throws IOException {
        String full = pathToFile(path).getCanonicalPath();
        String[] folders = getConf().getRaw("listenlake.read.only").split("\n");
        for (int i = 0; i < folders.length; i++) {
            if (full.equals(folders[i]) || full.startsWith(folders[i] + "/")) {
                throw new AccessControlException("LakeReadOnlyError: the lake is read-only here, refused to " + what
                    + " " + full.substring(folders[i].length()) + "; listens are changed over the API, tables of "
                    + "metadata by request_import_pg_tables");
            }
        }
    }

    private void refuseAbove(String what, Path path) throws IOException {
        refuse(what, path);
        String full = pathToFile(path).getCanonicalPath();
        String[] folders = getConf().getRaw("listenlake.read.only").split("\n");
        for (int i = 0; i < folders.length; i++) {
            if (folders[i].startsWith(full.endsWith("/") ? full : full + "/")) {
                throw new AccessControlException("LakeReadOnlyError: refused to " + what + " a folder that holds the "
                    + "lake, which is read-only here");
            }
        }
    }

    public FSDataOutputStream create(Path path, boolean overwrite, int bufferSize, short replication, long blockSize,
            Progressable progress) throws IOException {
        refuse("create", path);
        return super.create(path, overwrite, bufferSize, replication, blockSize, progress);
    }

    public FSDataOutputStream create(Path path, FsPermission permission, boolean overwrite, int bufferSize,
            short replication, long blockSize, Progressable progress) throws IOException {
        refuse("create", path);
        return super.create(path, permission, overwrite, bufferSize, replication, blockSize, progress);
    }

    public FSDataOutputStream createNonRecursive(Path path, FsPermission permission, EnumSet<CreateFlag> flags,
            int bufferSize, short replication, long blockSize, Progressable progress) throws IOException {
        refuse("create", path);
        return super.createNonRecursive(path, permission, flags, bufferSize, replication, blockSize, progress);
    }

    public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) throws IOException {
        refuse("append to", path);
        return super.append(path, bufferSize, progress);
    }

    public boolean mkdirs(Path path) throws IOException {
        if (!exists(path)) {
            refuse("make", path);
        }
        return super.mkdirs(path);
    }

    public boolean mkdirs(Path path, FsPermission permission) throws IOException {
        if (!exists(path)) {
            refuse("make", path);
        }
        return super.mkdirs(path, permission);
    }

    public boolean rename(Path from, Path to) throws IOException {
        refuseAbove("rename", from);
        refuseAbove("write", to);
        return super.rename(from, to);
    }

    public boolean delete(Path path, boolean recursive) throws IOException {
        refuseAbove("delete", path);
        return super.delete(path, recursive);
    }

    public boolean truncate(Path path, long length) throws IOException {
        refuse("truncate", path);
        return super.truncate(path, length);
    }

    public void setPermission(Path path, FsPermission permission) throws IOException {
        refuse("change", path);
        super.setPermission(path, permission);
    }

    public void setTimes(Path path, long modified, long accessed) throws IOException {
        refuse("change", path);
        super.setTimes(path, modified, accessed);
    }

    public void createSymlink(Path target, Path link, boolean createParent) throws IOException {
        refuse("link", link);
        super.createSymlink(target, link, createParent);
    }
}

/** The same for who asks Hadoop for the other interface to files: commits of Delta do. */
class ReadOnlyLakeCommits extends DelegateToFileSystem {
    public ReadOnlyLakeCommits(URI uri, Configuration settings) throws IOException, URISyntaxException {
        super(uri, new ReadOnlyLake(), settings, "file", false);
    }
}
